/** Command-line arguments and environment variables as they are typed. */

/**
 * Splits a line the way a POSIX shell would, without expansions: blanks separate, "…" and '…' keep
 * them, a backslash takes the next character as it is. An open quote ends at the end of the line.
 */
export function splitArguments(line: string): string[] {
  const out: string[] = [];
  let word: string | null = null;
  let quote: '"' | "'" | null = null;
  for (let i = 0; i < line.length; i++) {
    const char = line.charAt(i);
    if (quote === "'") {
      if (char === "'") quote = null;
      else word = (word ?? "") + char;
    } else if (char === "\\" && i + 1 < line.length) {
      word = (word ?? "") + line.charAt(++i);
    } else if (quote === '"') {
      if (char === '"') quote = null;
      else word = (word ?? "") + char;
    } else if (char === '"' || char === "'") {
      quote = char;
      word ??= "";
    } else if (/\s/.test(char)) {
      if (word !== null) out.push(word);
      word = null;
    } else {
      word = (word ?? "") + char;
    }
  }
  if (word !== null) out.push(word);
  return out;
}

/** The inverse of splitArguments. */
export const joinArguments = (args: readonly string[]): string =>
  args
    .map((arg) => (arg !== "" && !/[\s"'\\]/.test(arg) ? arg : `"${arg.replace(/["\\]/g, "\\$&")}"`))
    .join(" ");

export interface Environment {
  readonly pairs: readonly (readonly [name: string, value: string])[];
  /** The first line that is not NAME=value, if any. */
  readonly mistake: string | null;
}

/** One NAME=value a line; blank lines and lines that start with # are skipped. */
export function parseEnvironment(text: string): Environment {
  const pairs: (readonly [string, string])[] = [];
  for (const raw of text.split("\n")) {
    const line = raw.trimStart().replace(/\r$/, "");
    if (line.trim() === "" || line.startsWith("#")) continue;
    const equals = line.indexOf("=");
    if (equals < 1) return { pairs, mistake: line.trim() };
    pairs.push([line.slice(0, equals), line.slice(equals + 1)]);
  }
  return { pairs, mistake: null };
}

const RANGES: Record<string, readonly [low: bigint, high: bigint]> = {
  i32: [-(2n ** 31n), 2n ** 32n - 1n],
  i64: [-(2n ** 63n), 2n ** 64n - 1n],
};

/** Checks one value for an invoked export; gives what is wrong with it, or null. */
export function mistakeInValue(type: string, text: string): string | null {
  const trimmed = text.trim();
  const range = RANGES[type];
  if (range) {
    if (!/^[+-]?(\d+|0x[0-9a-f]+)$/i.test(trimmed)) return "a whole number, please";
    const digits = trimmed.replace(/^[+-]/, "");
    const value = trimmed.startsWith("-") ? -BigInt(digits) : BigInt(digits);
    return value >= range[0] && value <= range[1] ? null : `out of range for ${type}`;
  }
  if (type === "f32" || type === "f64") {
    return /^[+-]?(\d+\.?\d*(e[+-]?\d+)?|\.\d+(e[+-]?\d+)?|inf|infinity|nan)$/i.test(trimmed)
      ? null
      : "a number, inf or nan, please";
  }
  return /^(null)?$/.test(trimmed) ? null : `${type} cannot be typed here, only null`;
}
