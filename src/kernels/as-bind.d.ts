/**
 * as-bind 0.8.2 ships types that only know `AsBind: any`; this is what its ESM build exports.
 */
declare module "as-bind/dist/as-bind.esm.js" {
  export interface AsBindInstance {
    readonly exports: Record<string, (...values: never[]) => unknown>;
    readonly loadedModule: { readonly instance: WebAssembly.Instance };
  }
  export interface Converter {
    ascToJs(instance: unknown, value: unknown, type: string): unknown;
    jsToAsc(instance: unknown, value: unknown, type: string): unknown;
  }
  export const converters: Map<string | RegExp, Converter>;
  export function instantiate(
    source: BufferSource,
    imports?: WebAssembly.Imports,
  ): Promise<AsBindInstance>;
  export function instantiateSync(
    source: BufferSource,
    imports?: WebAssembly.Imports,
  ): AsBindInstance;
}
