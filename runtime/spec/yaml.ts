/**
 * The YAML library, in its build of modules: for Deno the package resolves to
 * one of CommonJS, whose 70 files take 50 ms of every start.
 *
 * @module
 */
// @ts-types="yaml"
export * from "../../node_modules/yaml/browser/index.js";
