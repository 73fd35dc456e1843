// Searches a site as its pages do, with the theme's own code: node search.mjs SITE QUERY… prints, for each query, what
// it finds, best first, as JSON.
import {readFileSync} from "node:fs";
import {join} from "node:path";
import vm from "node:vm";

const [site, ...queries] = process.argv.slice(2);
const read = path => readFileSync(join(site, path), "utf8");
const config = JSON.parse(read("index.html").match(/<script id="__config" type="application\/json">(.*?)<\/script>/s)[1]);
const index = vm.runInNewContext(read("search/search_index.js") + "__search");

let receive, answered;
const worker = vm.createContext({
  addEventListener: (type, listener) => { receive = listener; },
  postMessage: message => answered(message),
  console,
});
worker.self = worker;
vm.runInContext(read(config.search), worker);
const ask = (type, data) => new Promise(resolve => {
  answered = message => resolve(message.data);
  receive({data: {type, data}});
});

const SETUP = 0, QUERY = 2;
const options = {pipeline: config.translations["search.config.pipeline"].split(/\s*,\s*/)};
await ask(SETUP, {...await index.index, options});
const found = {};
for (const query of queries) found[query] = (await ask(QUERY, index.transform(query))).items;
process.stdout.write(JSON.stringify(found));
