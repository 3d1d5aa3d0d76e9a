/** The vivarium of the welcome page. Its water rises while Python loads. */

const GROUND = "M8 128c34-13 62 3 98-4s66-12 106-3 58 3 100-3v26a8 8 0 0 1-8 8H16a8 8 0 0 1-8-8z";

const Plant = ({
  x,
  height,
  lean,
}: {
  readonly x: number;
  readonly height: number;
  readonly lean: number;
}) => {
  const top = 128 - height;
  const leaves = Array.from({ length: Math.floor(height / 15) }, (_, i) => {
    const y = 118 - i * 14;
    const at = x + lean * ((128 - y) / height) ** 2;
    const side = i % 2 === 0 ? 1 : -1;
    return `M${at} ${y}q${side * 9} -9 ${side * 17} -4q${-side * 7} 8 ${-side * 17} 4z`;
  });
  return (
    <g class="plant">
      <path class="stem" d={`M${x} 130Q${x} ${top + height / 3} ${x + lean} ${top}`} />
      <path class="leaf" d={leaves.join("")} />
    </g>
  );
};

export const Tank = ({ share }: { readonly share: number }) => (
  <svg class="tank" viewBox="0 0 320 160" aria-hidden="true">
    <defs>
      <clipPath id="tank-inside">
        <rect x="8" y="14" width="304" height="138" rx="8" />
      </clipPath>
      <linearGradient id="tank-light" x1="0" y1="0" x2="0" y2="1">
        <stop class="light-from" offset="0" />
        <stop class="light-to" offset="1" />
      </linearGradient>
    </defs>
    <g clip-path="url(#tank-inside)">
      <rect class="tank-air" x="8" y="14" width="304" height="138" />
      <path fill="url(#tank-light)" d="M92 14h136l52 138H40z" />
      <g class="water" style={{ transform: `translateY(${String(104 * (1 - share))}px)` }}>
        <path d="M-40 42q20-5 40 0t40 0 40 0 40 0 40 0 40 0 40 0 40 0 40 0V170H-40z" />
      </g>
      <path class="ground" d={GROUND} />
      <Plant x={54} height={74} lean={12} />
      <Plant x={82} height={44} lean={-8} />
      <Plant x={250} height={88} lean={-16} />
      <Plant x={276} height={52} lean={6} />
      <g class="cells">
        {[0, 1, 2, 3, 4, 5, 6, 7, 8].map((i) => (
          <rect
            key={i}
            x={142 + (i % 3) * 13}
            y={88 + Math.floor(i / 3) * 13}
            width="10"
            height="10"
            rx="2.5"
            style={{ animationDelay: `${String(((i * 5) % 9) * 260)}ms` }}
          />
        ))}
      </g>
    </g>
    <rect class="tank-glass" x="8" y="14" width="304" height="138" rx="8" />
    <path class="tank-shine" d="M20 26v70M28 26v22" />
    <path class="tank-lid" d="M4 9h312" />
  </svg>
);
