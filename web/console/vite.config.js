import { fileURLToPath } from "node:url";
import { defineConfig } from "vite";

const server = process.env.ONSITE_URL ?? "http://127.0.0.1:8000";

export default defineConfig({
  base: "/console/",
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  resolve: { alias: { "@": fileURLToPath(new URL("./src", import.meta.url)) } },
  worker: { format: "es" },
  build: {
    target: "es2022",
    // Under the page's policy a worker or an icon must come from the server, not from inside a script.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 1500,
    rolldownOptions: {
      output: {
        codeSplitting: { groups: [{ name: "maplibre", test: /maplibre-gl|@maplibre|@mapbox|pmtiles/ }] },
      },
    },
  },
  server: {
    port: 5173,
    strictPort: true,
    proxy: Object.fromEntries(["/api", "/web", "/basemap.pmtiles", "/docs"].map((path) => [path, { target: server }])),
  },
});
