/**
 * The terminal's cooked mode: what is typed is echoed, can be corrected, and goes to the guest line
 * by line, as a terminal driver does for a program that reads standard input.
 */

export interface LineEffects {
  /** Draws on the terminal. */
  echo(text: string): void;
  /** A whole line, its newline included, or what was typed before the end of input. */
  send(text: string): void;
  /** Ctrl+D on an empty line. */
  end(): void;
  /** Ctrl+C. */
  interrupt(): void;
}

const ERASE = "\b \b";
const graphemes = new Intl.Segmenter(undefined, { granularity: "grapheme" });
// Wide enough for East Asian scripts and emoji; a terminal draws these in two columns.
const WIDE = /\p{Extended_Pictographic}|[ᄀ-ᅟ⺀-꓏가-힣豈-﫿︰-﹏＀-｠￠-￦]|[\u{20000}-\u{3fffd}]/u;

const split = (text: string): string[] => Array.from(graphemes.segment(text), (part) => part.segment);

export class LineDiscipline {
  private line = "";

  constructor(private readonly effects: LineEffects) {}

  /** What has been typed and not sent. */
  get pending(): string {
    return this.line;
  }

  /** Forgets what was typed (a new run starts). */
  reset(): void {
    this.line = "";
  }

  /** Takes what the terminal reports: keys, escape sequences, or a whole paste. */
  feed(data: string): void {
    // Escape sequences (arrows, function keys) have no meaning in cooked mode.
    // eslint-disable-next-line no-control-regex -- terminals speak in control characters
    const text = data.replace(/\x1b(\[[0-9;?]*[ -/]*[@-~]|O.|.)?/g, "").replace(/\r\n?/g, "\n");
    for (const char of split(text)) this.key(char);
  }

  private key(char: string): void {
    switch (char) {
      case "\n":
        this.effects.echo("\r\n");
        this.flush("\n");
        return;
      case "\x7f":
      case "\b":
        this.erase();
        return;
      case "\x15": // Ctrl+U
        while (this.line) this.erase();
        return;
      case "\x17": // Ctrl+W
        while (/\s$/.test(this.line)) this.erase();
        while (/\S$/.test(this.line)) this.erase();
        return;
      case "\x03":
        this.effects.echo("^C\r\n");
        this.line = "";
        this.effects.interrupt();
        return;
      case "\x04":
        if (this.line) this.flush("");
        else this.effects.end();
        return;
    }
    if (char === "\t" || char >= " ") {
      this.line += char;
      this.effects.echo(char === "\t" ? " " : char);
    }
  }

  private erase(): void {
    const parts = split(this.line);
    const last = parts.pop();
    if (last === undefined) return;
    this.line = parts.join("");
    this.effects.echo(WIDE.test(last) ? ERASE + ERASE : ERASE);
  }

  private flush(end: string): void {
    const text = this.line + end;
    this.line = "";
    this.effects.send(text);
  }
}
