/** The samples of the gallery: small guests whose sources stand beside them in `web/samples`. */

export interface Sample {
  readonly id: string;
  readonly title: string;
  /** What there is to see. */
  readonly blurb: string;
  /** Which view shows it best. */
  readonly shows: string;
  readonly args?: string;
  readonly invoke?: string;
  readonly files?: readonly { readonly path: string; readonly text: string }[];
}

export const SAMPLES: readonly Sample[] = [
  {
    id: "hello",
    title: "Hello",
    blurb: "Greets its first argument on standard output.",
    shows: "terminal",
    args: "Ada",
  },
  {
    id: "guess",
    title: "Guess",
    blurb: "A guessing game that waits for what you type.",
    shows: "input",
  },
  {
    id: "painter",
    title: "Painter",
    blurb: "Comets run through a memory that doubles up to 64 MiB.",
    shows: "memory",
  },
  {
    id: "life",
    title: "Life",
    blurb: "Conway's cells, drawn in the terminal, two boards in memory.",
    shows: "motion",
  },
  {
    id: "dispatch",
    title: "Dispatch",
    blurb: "Calls functions through a table whose entries rotate.",
    shows: "tables",
  },
  {
    id: "fall",
    title: "Fall",
    blurb: "Traps deep in nested calls. Arguments z, u, m, i, s pick how.",
    shows: "trap",
    args: "z",
  },
  {
    id: "shout",
    title: "Shout",
    blurb: "Reads /data/poem.txt and writes it back in capitals.",
    shows: "files",
    files: [
      {
        path: "poem.txt",
        text: "glass walls, warm light,\na small machine at work:\nwe watch it breathe.\n",
      },
    ],
  },
  {
    id: "numbers",
    title: "Numbers",
    blurb: "No command, only functions to call: fibonacci, gcd and more.",
    shows: "stepping",
    invoke: "fibonacci",
    args: "10",
  },
  {
    id: "endless",
    title: "Endless",
    blurb: "Collatz sequences without end. Pause it, step it, stop it.",
    shows: "stop",
  },
  {
    id: "flood",
    title: "Flood",
    blurb: "Prints as fast as it can. The page stays calm.",
    shows: "load",
  },
];

const modules = import.meta.glob<string>("../../samples/*.wasm", {
  query: "?url",
  import: "default",
  eager: true,
});

export const findSample = (id: string): Sample | undefined => SAMPLES.find((sample) => sample.id === id);

export async function fetchSample(sample: Sample): Promise<Uint8Array> {
  const url = modules[`../../samples/${sample.id}.wasm`];
  if (url === undefined) throw new Error(`there is no sample ${sample.id}`);
  const response = await fetch(url);
  if (!response.ok)
    throw new Error(`the sample ${sample.id} could not be loaded (${String(response.status)})`);
  return new Uint8Array(await response.arrayBuffer());
}
