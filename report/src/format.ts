// Figures as people read them.

const units = [
  { size: 1e9, name: "s" },
  { size: 1e6, name: "ms" },
  { size: 1e3, name: "µs" },
  { size: 1, name: "ns" },
];

/** A number with so many digits that count, and spaces between thousands: "22 727". */
export function number(value: number, digits = 3): string {
  if (!Number.isFinite(value)) return "–";
  const magnitude = value === 0 ? 0 : Math.floor(Math.log10(Math.abs(value))) + 1;
  const isWhole = Number.isInteger(value) && digits > magnitude;
  const decimals = isWhole ? 0 : Math.min(6, Math.max(0, digits - Math.max(magnitude, 1)));
  const [whole = "", fraction] = Math.abs(value).toFixed(decimals).split(".");
  const grouped = whole.replace(/\B(?=(\d{3})+$)/g, "\u202f");
  return (value < 0 ? "\u2212" : "") + grouped + (fraction ? `.${fraction}` : "");
}

/** Nanoseconds in the unit that fits: "43.8 µs", "44 µs". */
export function duration(ns: number, digits = 3): string {
  if (ns === 0) return "0";
  const unit = units.find((each) => Math.abs(ns) >= each.size * 0.9995) ?? units[3];
  return `${number(ns / unit!.size, digits)}\u00a0${unit!.name}`;
}

/** A share of 1 in percent: "44.0 %". */
export function percent(share: number): string {
  return `${(100 * share).toFixed(1)}\u00a0%`;
}

/** "22.7k": for places that are narrow. */
export function compact(value: number): string {
  for (const [size, suffix] of [[1e9, "G"], [1e6, "M"], [1e3, "k"]] as const) {
    if (Math.abs(value) >= size * 0.9995) return `${Number((value / size).toPrecision(3))}${suffix}`;
  }
  return `${Number(value.toPrecision(3))}`;
}

/** A round number of nanoseconds between ticks that are at least `least` apart: 1, 2 or 5 of a power of ten. */
export function tickStep(least: number): number {
  const power = 10 ** Math.floor(Math.log10(Math.max(least, 1e-3)));
  for (const factor of [1, 2, 5]) {
    if (factor * power >= least) return factor * power;
  }
  return 10 * power;
}

/** The label of a tick: as many decimals as its step needs. */
export function tickLabel(ns: number, step: number, largest: number): string {
  if (ns === 0) return "0";
  const unit = units.find((each) => largest >= each.size) ?? units[3]!;
  const decimals = Math.max(0, -Math.floor(Math.log10(step / unit.size) + 1e-9));
  const [whole = "", fraction] = (ns / unit.size).toFixed(Math.min(decimals, 9)).split(".");
  const grouped = whole.replace(/\B(?=(\d{3})+$)/g, "\u202f");
  return `${grouped}${fraction ? `.${fraction}` : ""}\u00a0${unit.name}`;
}

/** "1 step", "2 steps". */
export function plural(count: number, noun: string): string {
  return `${number(count, 9)}\u00a0${noun}${count === 1 ? "" : "s"}`;
}
