// Runs test/*.test.ts: bundled as the page is, by node's own test runner.
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const folder = dirname(fileURLToPath(import.meta.url));
const output = mkdtempSync(join(tmpdir(), "cbr-report-"));
try {
  const tests = readdirSync(folder).filter((name) => name.endsWith(".test.ts"));
  await build({
    entryPoints: tests.map((name) => join(folder, name)), bundle: true, platform: "node", format: "esm",
    outdir: output, outExtension: { ".js": ".mjs" }, logLevel: "warning",
  });
  const files = tests.map((name) => join(output, name.replace(/\.ts$/, ".mjs")));
  process.exitCode = spawnSync(process.execPath, ["--test", ...files], { stdio: "inherit" }).status ?? 1;
} finally {
  rmSync(output, { recursive: true });
}
