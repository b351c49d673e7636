export * from "./dist/mod.js";
