// What the page of a terraform-visual report makes of its plan: the page's own code, read from the report's folder and
// run without a browser. Prints a list of {address, action}.
const fs = require("fs");
const path = require("path");
const vm = require("vm");

const [folder] = process.argv.slice(2);
const page = { window: {} };
page.self = page.window;
vm.createContext(page);

const load = (file) => vm.runInContext(fs.readFileSync(file, "utf8"), page);

load(path.join(folder, "plan.js"));
const chunks = path.join(folder, "_next", "static", "chunks");
for (const name of fs.readdirSync(chunks)) {
  if (name.endsWith(".js") && fs.readFileSync(path.join(chunks, name), "utf8").includes("resource_changes")) {
    load(path.join(chunks, name));
  }
}

// The bundler's loader, for the one module that reads plans and says what is done to a resource.
const bundle = Object.keys(page.window).find((name) => name.startsWith("webpackJsonp"));
const modules = Object.assign({}, ...page.window[bundle].map(([, part]) => part));
const known = {};
const required = (id) => {
  if (!known[id]) {
    known[id] = { exports: {} };
    modules[id].call(known[id].exports, known[id], known[id].exports, required);
  }
  return known[id].exports;
};
required.r = () => {};
required.o = (object, name) => Object.prototype.hasOwnProperty.call(object, name);
required.d = (exports, name, get) => Object.defineProperty(exports, name, { enumerable: true, get });

const reader = Object.keys(modules).find((id) => modules[id].toString().includes("fromJsonStr"));
const entities = Object.values(required(reader)).find((part) => part.Utils);
const { TerraformPlan, TerraformPlanResourceChangeChange } = entities.Utils;
const said = TerraformPlan.fromJson(page.window.TF_PLAN).resource_changes.map(({ address, change }) => {
  const action = TerraformPlanResourceChangeChange.getActionAlias(change);
  return { address, action: entities.TerraformPlanResourceChangeChangeActionAlias[action].toLowerCase() };
});
console.log(JSON.stringify(said));
