import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { brotliCompress, constants, gzip } from "node:zlib";
import { defineConfig } from "vite";

const server = process.env.ONSITE_URL ?? "http://127.0.0.1:8000";

const PACKED_FROM_BYTES = 1024;

/** Write each file once more as brotli and gzip, so that the server need not compress for every visitor. */
function packed() {
  return {
    name: "packed",
    apply: "build",
    async writeBundle({ dir: folder }) {
      for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
        if (!entry.isFile() || !/\.(js|mjs|css|svg|html|json)$/.test(entry.name)) continue;
        const path = join(entry.parentPath, entry.name);
        const body = await readFile(path);
        if (body.length < PACKED_FROM_BYTES) continue;
        const params = { [constants.BROTLI_PARAM_QUALITY]: 9, [constants.BROTLI_PARAM_SIZE_HINT]: body.length };
        await writeFile(`${path}.br`, await promisify(brotliCompress)(body, { params }));
        await writeFile(`${path}.gz`, await promisify(gzip)(body, { level: 9 }));
      }
    },
  };
}

export default defineConfig({
  plugins: [packed()],
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
      checks: { pluginTimings: false },
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
