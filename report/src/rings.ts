// The rings that the charts compare: those of a benchmark, or else those of the recordings.
import { busyFraction, type Finding, type GpuActivity, type ReportData } from "./data";

export interface Ring {
  /** "ring of 3", with the file where there are several. */
  name: string;
  size: number;
  rate: number | null;
  interval: [number, number] | null;
  samples: number[];
  /** Against the first ring of its file, with the interval where it is known. */
  speedup: number | null;
  speedupInterval: [number, number] | null;
  /** As the source tells it: of a benchmark's rounds it is over the wall time. */
  busy: number | null;
  gapUs: { median: number; p99: number } | null;
  encodeUs: number | null;
  gpu: GpuActivity | null;
  findings: Finding[];
}

export interface Rings {
  /** "steps" or "tokens". */
  unit: string;
  /** Where the figures come from. */
  source: string;
  rings: Ring[];
}

function ofResults(data: ReportData): Rings {
  const several = data.results.length > 1;
  return {
    unit: data.results[0]!.unit,
    source: "All rounds of the benchmark.",
    rings: data.results.flatMap((result) => result.runs.map((run) => ({
      name: `ring of ${run.ringSize}${several ? `, ${result.file}` : ""}`,
      size: run.ringSize,
      rate: run.rate.mean,
      interval: run.rateCi95,
      samples: run.samples,
      speedup: run.speedup,
      speedupInterval: run.speedupCi95,
      busy: run.busyFraction,
      gapUs: run.idleGapUs,
      encodeUs: run.encodeUs,
      gpu: run.gpu,
      findings: run.findings,
    }))),
  };
}

function ofRecordings(data: ReportData): Rings {
  const rings = data.recordings;
  const alike = (i: number): boolean =>
    rings.some((other, j) => j !== i && other.ringSize === rings[i]!.ringSize && other.ringName === rings[i]!.ringName);
  const names = new Set(rings.map((each) => each.ringName));
  const base = rings[0]?.measured?.stepsPerSecond;
  return {
    unit: "steps",
    source: "What was recorded: one run of each, so nothing tells how far it would differ in the next.",
    rings: rings.map((recording, i) => ({
      name: `${names.size > 1 ? `${recording.ringName}, ` : ""}ring of ${recording.ringSize}` +
        (alike(i) ? `, no. ${i + 1}` : ""),
      size: recording.ringSize,
      rate: recording.measured?.stepsPerSecond ?? null,
      interval: null,
      samples: [],
      speedup: i > 0 && base && recording.measured ? recording.measured.stepsPerSecond / base : null,
      speedupInterval: null,
      busy: recording.gpu ? busyFraction(recording.gpu) : null,
      gapUs: null,
      encodeUs: null,
      gpu: recording.gpu,
      findings: recording.findings,
    })),
  };
}

export function ringsOf(data: ReportData): Rings {
  return data.results.length > 0 ? ofResults(data) : ofRecordings(data);
}

/** What was gained, in one sentence. */
export function sentence(data: ReportData): string {
  if (data.results.length > 0) return data.results.map((result) => result.verdict).join(" ");
  const { rings } = ofRecordings(data);
  const [first] = rings;
  if (!first) return "Nothing was recorded.";
  const share = (busy: number): string => `${(100 * busy).toFixed(0)}\u00a0%`;
  const busy = first.busy === null ? "" : `: the GPU was busy ${share(first.busy)} of the time`;
  if (rings.length === 1) return `One ring of ${first.size} was recorded${busy}.`;
  const best = rings.reduce((a, b) => ((b.rate ?? 0) > (a.rate ?? 0) * 1.005 ? b : a));
  if (best === first || best.rate === null || first.rate === null) {
    return `No ring that was recorded did more than the ${first.name}${busy}.`;
  }
  const times = (best.rate / first.rate).toFixed(2);
  const why = best.busy === null || first.busy === null ? ""
    : `, and the GPU was busy ${share(best.busy)} of the time instead of ${share(first.busy)}`;
  return `The ${best.name} did ${times} times as many steps a second as the ${first.name}${why}.`;
}
