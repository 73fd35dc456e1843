// Makes dist/report.html of src/: one file with script and style in it, and a place for the data.
// `npm run build` writes it, `npm run check` fails where the one that is there is another.
import { createHash } from "node:crypto";
import { readFileSync, writeFileSync, mkdirSync, readdirSync, existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const folder = dirname(fileURLToPath(import.meta.url));
const target = join(folder, "dist", "report.html");

/** What the page is made of: test/up_to_date.py computes the same without Node. */
function sourceHash() {
  const below = (path) => readdirSync(join(folder, path), { withFileTypes: true })
    .flatMap((entry) => (entry.isDirectory() ? below(`${path}/${entry.name}`) : [`${path}/${entry.name}`]));
  const files = ["build.mjs", "package-lock.json", "package.json", "tsconfig.json", ...below("src")].sort();
  const hash = createHash("sha256");
  for (const file of files) hash.update(`${file}\n`).update(readFileSync(join(folder, file))).update("\n");
  return hash.digest("hex");
}

/** The licences of the packages that are in the bundle, each text once. */
function licenses(inputs) {
  const names = [...new Set(inputs.map((input) => /node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(input)?.[1]))]
    .filter((name) => name !== undefined).sort();
  const texts = new Map();
  for (const name of names) {
    const place = join(folder, "node_modules", name);
    const version = JSON.parse(readFileSync(join(place, "package.json"), "utf8")).version;
    const file = ["LICENSE", "LICENSE.md", "LICENSE.txt"].find((each) => existsSync(join(place, each)));
    if (!file) throw new Error(`${name} has no licence file`);
    const text = readFileSync(join(place, file), "utf8").trim().replaceAll("\r\n", "\n");
    texts.set(text, [...(texts.get(text) ?? []), `${name} ${version}`]);
  }
  return [...texts].map(([text, packages]) => `${packages.join(", ")}\n\n${text}`).join("\n\n----\n\n");
}

async function page() {
  const bundle = async (entry, options) => {
    const result = await build({
      entryPoints: [join(folder, "src", entry)], absWorkingDir: folder, bundle: true, minify: true, write: false,
      metafile: true, charset: "ascii", target: ["chrome100", "firefox100", "safari15.4"], legalComments: "none",
      ...options,
    });
    const [output] = Object.values(result.metafile.outputs);
    const inputs = Object.entries(output.inputs).filter(([, { bytesInOutput }]) => bytesInOutput > 0);
    return { text: result.outputFiles[0].text.trim(), inputs: inputs.map(([name]) => name) };
  };
  const script = await bundle("main.ts", { format: "iife" });
  const style = await bundle("style.css", { loader: { ".css": "css" } });
  // Neither may end the element that it is in.
  const code = script.text.replaceAll("</script", "<\\/script").replaceAll("<!--", "<\\!--")
    // What esbuild leaves as it is: characters in regular expressions.
    .replace(/[^\n\x20-\x7e]/g, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`);
  const parts = {
    "script-hash": `sha256-${createHash("sha256").update(code).digest("base64")}`,
    style: style.text,
    script: code,
    licenses: `<!--\nMade of report/src; sources: ${sourceHash()}\n\nThis page contains:\n\n${licenses(script.inputs)}\n-->`,
    data: "{{data}}",
  };
  const html = readFileSync(join(folder, "src", "page.html"), "utf8")
    .replace(/\{\{([a-z-]+)\}\}/g, (_, name) => parts[name]);
  const foreign = /[^\n\x20-\x7e]/.exec(html);
  if (foreign) throw new Error(`the page is to be ASCII; there is ${JSON.stringify(foreign[0])} at ${foreign.index}`);
  if (html.split("{{data}}").length !== 2) throw new Error("the page is to have one place for the data");
  return html;
}

const html = await page();
if (process.argv[2] === "--check") {
  if (!existsSync(target) || readFileSync(target, "utf8") !== html) {
    console.error("dist/report.html is not what its sources make: run ./dev report");
    process.exit(1);
  }
} else {
  mkdirSync(dirname(target), { recursive: true });
  writeFileSync(target, html);
  console.log(`${target}: ${html.length} bytes`);
}
