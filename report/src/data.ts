// What a report holds, as src/observe/report_writer.cpp writes it. All times are nanoseconds.

/** Why a queue of the GPU had nothing to run, in the order in which a submission comes by them. */
export const causes = [
  "application", "slot_wait", "wake_up", "encode", "submit", "dependency", "device", "unknown",
] as const;
export type Cause = (typeof causes)[number];

/** What the GPU did for a ring. Queues are added up. */
export interface GpuActivity {
  queues: number;
  submissions: number;
  busy: number;
  idle: number;
  idleByCause: Record<Cause, number>;
  gaps: number;
  /** How many gaps there are from each bound to the next one's. */
  gapHistogram: { from: number; count: number }[];
}

export interface Finding {
  kind: string;
  text: string;
  action: string;
  /** The share of the time that the GPU stood idle because of it. */
  idleShare: number | null;
}

/** One ring size of a benchmark. Rates are in the result's unit a second. */
export interface BenchRun {
  ringSize: number;
  rounds: number;
  rate: { mean: number; median: number; min: number; max: number };
  /** The interval of the mean at 95 %; null with a single round. */
  rateCi95: [number, number] | null;
  /** The rate of each round. */
  samples: number[];
  busyFraction: number | null;
  idleGapUs: { median: number; p99: number } | null;
  encodeUs: number;
  /** Against the baseline; null for the baseline itself. */
  speedup: number | null;
  speedupCi95: [number, number] | null;
  gpu: GpuActivity | null;
  findings: Finding[];
}

/** What `cbr bench --output` wrote. */
export interface BenchResult {
  file: string;
  timestamp: string;
  device: string;
  driver: string;
  machine: string;
  workload: string;
  unit: string;
  complete: boolean;
  verdict: string;
  baseline: number;
  runs: BenchRun[];
}

/** The submissions of a recording: an array for each member, with an entry for each submission. */
export interface Submissions {
  serial: number[];
  slot: number[];
  queue: number[];
  thread: number[];
  failed: number[];
  waited: number[];
  /** A place in `labels`. */
  label: number[];
  acquireBegin: number[];
  slotFree: (number | null)[];
  acquireEnd: number[];
  heldFrom: (number | null)[];
  submitBegin: (number | null)[];
  submitEnd: (number | null)[];
  gpuStart: (number | null)[];
  gpuEnd: (number | null)[];
  noticed: (number | null)[];
}

/** The parts of all gaps: those of one gap follow each other and have one submission. */
export interface IdleParts {
  queue: number[];
  /** Which submission ended the gap: a place in the columns of `submissions`. */
  submission: number[];
  /** A place in `causes`. */
  cause: number[];
  begin: number[];
  end: number[];
}

/** The time line of one ring. Its moments count from the first of them. */
export interface Recording {
  file: string;
  device: string;
  ringName: string;
  ringSize: number;
  queueCount: number;
  threadCount: number;
  dropped: number;
  measured: { steps: number; stepsPerSecond: number; latency: number } | null;
  gpu: GpuActivity | null;
  findings: Finding[];
  labels: string[];
  submissions: Submissions;
  idle: IdleParts;
}

export interface ReportData {
  reportVersion: number;
  tool: string;
  /** What is left out of the files, and why. */
  notes: string[];
  results: BenchResult[];
  recordings: Recording[];
}

export function busyFraction(gpu: GpuActivity): number {
  const whole = gpu.busy + gpu.idle;
  return whole > 0 ? gpu.busy / whole : 1;
}

/** Reads what stands in the page. Throws where nothing was put into it. */
export function readData(document: Document): ReportData {
  const text = document.getElementById("report-data")?.textContent ?? "";
  return JSON.parse(text) as ReportData;
}
