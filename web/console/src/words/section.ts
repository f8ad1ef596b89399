// A section of texts: each key with the English and the Chinese line side by side, so that none can be forgotten.

export type Section = Readonly<Record<string, readonly [en: string, zh: string]>>;
