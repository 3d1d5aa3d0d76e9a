/** Numbers as people read them. */

const UNITS = ["B", "KiB", "MiB", "GiB", "TiB"] as const;

export function formatBytes(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < UNITS.length - 1) {
    value /= 1024;
    unit++;
  }
  const digits = unit === 0 || Number.isInteger(value) ? 0 : value < 10 ? 2 : value < 100 ? 1 : 0;
  return `${value.toFixed(digits)} ${UNITS[unit] ?? ""}`;
}

const grouping = new Intl.NumberFormat("en-US");

export const formatCount = (count: number): string => grouping.format(count);

/** 1234567 → "1.23 M"; for figures that change too fast to read every digit. */
export function formatShort(count: number): string {
  const steps = [
    [1e9, "G"],
    [1e6, "M"],
    [1e3, "k"],
  ] as const;
  for (const [size, unit] of steps) {
    if (count >= size) return `${(count / size).toPrecision(3)} ${unit}`;
  }
  return String(Math.round(count));
}

export function formatSeconds(seconds: number): string {
  if (seconds < 1) return `${Math.round(seconds * 1000)} ms`;
  if (seconds < 60) return `${seconds.toFixed(1)} s`;
  return `${Math.floor(seconds / 60)} min ${Math.floor(seconds % 60)} s`;
}

export const plural = (count: number, one: string, many = `${one}s`): string =>
  `${formatCount(count)} ${count === 1 ? one : many}`;

export const formatHex = (value: number, digits = 0): string => value.toString(16).padStart(digits, "0");

/** An offset or address as the page writes it everywhere. */
export const formatOffset = (value: number): string => `0x${formatHex(value)}`;

/** Reads "0x1f0", "1f0h", "496" or "64K"; null when it is none of these. */
export function parseAddress(text: string): number | null {
  const trimmed = text.trim().replaceAll("_", "");
  const hex = /^0x([0-9a-f]{1,13})$/i.exec(trimmed) ?? /^([0-9a-f]{1,13})h$/i.exec(trimmed);
  if (hex?.[1] !== undefined) return Number.parseInt(hex[1], 16);
  const decimal = /^(\d{1,15})\s*([kmg]?)i?b?$/i.exec(trimmed);
  if (decimal?.[1] === undefined) return null;
  const scale = { "": 1, k: 2 ** 10, m: 2 ** 20, g: 2 ** 30 }[decimal[2]?.toLowerCase() ?? ""] ?? 1;
  const value = Number.parseInt(decimal[1], 10) * scale;
  return Number.isSafeInteger(value) ? value : null;
}

/** The last line of a text: there a Python traceback says what matters. */
export const lastLine = (text: string): string => text.trim().split("\n").at(-1) ?? "";
