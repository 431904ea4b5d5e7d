// Preloaded into Node: the provider packages bring an index that requires each resource on first
// use (lib/lazy-index.js); their package.json names the one that requires all of them at once.
"use strict";
const fs = require("fs");
const Module = require("module");
const path = require("path");

const resolve = Module._resolveFilename;
Module._resolveFilename = function (...request) {
  const file = resolve.apply(this, request);
  if (/@cdktf[\\/]provider-.*[\\/]lib[\\/]index\.js$/.test(file)) {
    const lazy = path.join(path.dirname(file), "lazy-index.js");
    if (fs.existsSync(lazy)) return lazy;
  }
  return file;
};
