import { defineConfig } from "vitest/config";
import { firstRequests } from "./first-requests.ts";

const BASE = "/ui/";
const SHARED = /src\/(api|ui)\/|node_modules\/(@?preact|preact-iso|openapi-fetch)\//;

// The page is served by the coordinator, from its package; names of assets change with their content.
export default defineConfig({
  base: BASE,
  plugins: [firstRequests(BASE)],
  build: {
    outDir: "../services/coordinator/page",
    emptyOutDir: true,
    target: "es2022",
    assetsInlineLimit: 0, // the Content-Security-Policy takes no data: URLs but images
    modulePreload: { polyfill: false },
    rolldownOptions: {
      output: {
        codeSplitting: {
          // What nearly every page needs, in one request instead of one for each component.
          groups: [{ name: "shared", test: SHARED, minShareCount: 3 }],
        },
      },
    },
  },
  server: {
    // `npx vite` beside a coordinator: the page reloads with each change.
    proxy: { "^/(?!ui/|src/|@|node_modules/)": "http://127.0.0.1:8000" },
  },
  test: { include: ["src/**/*.test.ts", "src/**/*.test.tsx"], environment: "node" },
});
