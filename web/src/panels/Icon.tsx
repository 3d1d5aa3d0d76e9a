/** The few icons of the page, drawn on a 16 × 16 grid. */

const STROKES = {
  run: "M5 3.2v9.6L12.6 8z",
  pause: "M5.5 3.5v9M10.5 3.5v9",
  step: "M3 8h7M7.5 4.8 10.7 8 7.5 11.2M13 3.5v9",
  out: "M8 10.5V3M4.9 6.1 8 3l3.1 3.1M3.5 13h9",
  stop: "M4.2 4.2h7.6v7.6H4.2z",
  link: "M6.7 9.3a2.6 2.6 0 0 0 3.7 0l2-2a2.6 2.6 0 0 0-3.7-3.7l-.8.8M9.3 6.7a2.6 2.6 0 0 0-3.7 0l-2 2a2.6 2.6 0 0 0 3.7 3.7l.8-.8",
  sun: "M8 5.2a2.8 2.8 0 1 0 0 5.6 2.8 2.8 0 0 0 0-5.6M8 1.5v1.3M8 13.2v1.3M1.5 8h1.3M13.2 8h1.3M3.4 3.4l.9.9M11.7 11.7l.9.9M3.4 12.6l.9-.9M11.7 4.3l.9-.9",
  moon: "M13 9.6A5.5 5.5 0 0 1 6.4 3a5.5 5.5 0 1 0 6.6 6.6z",
  auto: "M8 2.5a5.5 5.5 0 1 0 0 11zM8 2.5a5.5 5.5 0 0 1 0 11",
  open: "M8 10.5V3M4.9 6.1 8 3l3.1 3.1M2.8 10v2.2c0 .5.3.8.8.8h8.8c.5 0 .8-.3.8-.8V10",
  close: "M4 4l8 8M12 4l-8 8",
  file: "M4 2.5h5l3 3v8H4zM9 2.5v3h3",
  save: "M8 3v7.5M4.9 7.4 8 10.5l3.1-3.1M3 13.2h10",
  help: "M6 6.2A2 2 0 1 1 8.7 8c-.5.3-.7.6-.7 1.2M8 11.7v.1",
  trap: "M8 2.4 14 13H2zM8 6.6v3M8 11.3v.1",
  good: "M3.5 8.4 6.6 11.5 12.5 4.8",
  speed: "M9 1.8 3.8 9h3.4l-.6 5.2 5.6-7.4H8.6z",
  more: "M4.5 6.2 8 9.8l3.5-3.6",
} as const;

export type IconName = keyof typeof STROKES;

export const Icon = ({ name, size = 16 }: { readonly name: IconName; readonly size?: number }) => (
  <svg class={`icon icon-${name}`} viewBox="0 0 16 16" width={size} height={size} aria-hidden="true">
    <path d={STROKES[name]} />
  </svg>
);

/** The mark: a tank with a plant in it. */
export const Mark = () => (
  <svg class="mark" viewBox="0 0 32 32" width="30" height="30" aria-hidden="true">
    <rect class="mark-glass" x="3" y="6" width="26" height="21" rx="3.5" />
    <path
      class="mark-soil"
      d="M4.2 21.5c4-1.8 8 .6 12 0s8-1.6 11.6 0v2.6a1.9 1.9 0 0 1-1.9 1.9H6.1a1.9 1.9 0 0 1-1.9-1.9z"
    />
    <path
      class="mark-leaf"
      d="M15.6 21.4c-.4-4.6.3-8 1-10.4M16.4 15c-3.2.2-5-1.4-5.2-4.4 3.2-.2 5.2 1.4 5.2 4.4zM16 18.2c2.6.3 4.4-.9 5-3.4-2.7-.5-4.6.9-5 3.4z"
    />
    <path class="mark-lid" d="M6 3.6h20" />
  </svg>
);
