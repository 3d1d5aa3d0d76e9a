/** Bytes, their text forms and what they look like. */

export function fromBase64(text: string): Uint8Array {
  const binary = atob(text);
  const bytes = new Uint8Array(binary.length);
  for (let i = 0; i < binary.length; i++) bytes[i] = binary.charCodeAt(i);
  return bytes;
}

const SIGNATURES: readonly (readonly [signature: readonly number[], what: string])[] = [
  [[0x89, 0x50, 0x4e, 0x47], "a PNG image"],
  [[0xff, 0xd8, 0xff], "a JPEG image"],
  [[0x47, 0x49, 0x46, 0x38], "a GIF image"],
  [[0x25, 0x50, 0x44, 0x46], "a PDF document"],
  [[0x50, 0x4b, 0x03, 0x04], "a ZIP archive"],
  [[0x1f, 0x8b], "gzip-compressed data"],
  [[0x7f, 0x45, 0x4c, 0x46], "an ELF program for another machine"],
  [[0x4d, 0x5a], "a Windows program"],
  [[0xcf, 0xfa, 0xed, 0xfe], "a macOS program"],
  [[0x42, 0x43, 0xc0, 0xde], "LLVM bitcode, not linked yet"],
];

const MAGIC = [0x00, 0x61, 0x73, 0x6d];

/** A module of the binary format starts with "\0asm". */
export const hasWasmMagic = (bytes: Uint8Array): boolean => MAGIC.every((byte, i) => bytes[i] === byte);

/** What a file that is not a module most likely is; null when nothing is recognised. */
export function recognise(bytes: Uint8Array): string | null {
  if (bytes.length === 0) return "an empty file";
  if (hasWasmMagic(bytes)) {
    // The layer field of the preamble (component-model, Binary.md) tells components from modules.
    return bytes[6] === 1 ? "a WebAssembly component" : null;
  }
  for (const [signature, what] of SIGNATURES) {
    if (signature.every((byte, i) => bytes[i] === byte)) return what;
  }
  return null;
}

/** One byte as it is shown beside the hex digits: printable ASCII, a blank for zero, else a middle dot. */
export const printable = (byte: number): string => {
  if (byte === 0) return " ";
  return byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : "·";
};

export interface TextContext {
  /** Number of the first line shown, from 1. */
  readonly first: number;
  readonly lines: readonly string[];
}

/** The lines around one line of a text (from 1), two on each side. */
export function linesAround(bytes: Uint8Array, line: number): TextContext {
  const all = new TextDecoder().decode(bytes).split("\n");
  const first = Math.max(1, Math.min(line, all.length) - 2);
  return { first, lines: all.slice(first - 1, line + 2) };
}

export interface ByteContext {
  /** Offset of the first byte shown. */
  readonly start: number;
  readonly bytes: readonly number[];
  /** Index within `bytes` of the byte at the offset; may be one past the end. */
  readonly at: number;
}

/** The bytes around an offset, aligned to rows of `row` bytes. */
export function around(bytes: Uint8Array, offset: number, row = 16): ByteContext {
  const clamped = Math.max(0, Math.min(offset, bytes.length));
  const line = Math.floor(clamped / row) * row;
  const start = Math.max(0, line - row);
  const end = Math.min(bytes.length, line + 2 * row);
  return { start, bytes: [...bytes.subarray(start, end)], at: clamped - start };
}
