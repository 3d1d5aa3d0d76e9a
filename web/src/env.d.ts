/// <reference types="vite/client" />

declare module "virtual:wasmarium-runtime" {
  /** Files that the worker downloads before it is ready; paths relative to the page. */
  export const files: readonly { readonly path: string; readonly size: number }[];
  /** Path of the wasmarium wheel, relative to the page. */
  export const wheel: string;
}
