// The shared state of the panes, in one place to import from.

export * from "./actions";
export * from "./board";
export * from "./drag";
export * from "./filters";
export * from "./reading";
export * from "./selection";
export * from "./send";
export * from "./toasts";
export * from "./url";
