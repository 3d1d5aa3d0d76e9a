import path from "node:path";
import { defineConfig } from "vitest/config";
import { runtimePlugin } from "./vite/runtime-plugin.ts";

const here = import.meta.dirname;
const publicDir = path.join(here, "public");
const plugins = () => [runtimePlugin(publicDir)];

export default defineConfig({
  root: here,
  // Relative addresses: the page works below any path of a static host.
  base: "./",
  publicDir,
  plugins: plugins(),
  worker: { format: "es", plugins },
  build: { target: "es2023", outDir: path.join(here, "dist"), emptyOutDir: true, chunkSizeWarningLimit: 900 },
  test: {
    include: ["../tests/web/unit/**/*.test.ts"],
  },
});
