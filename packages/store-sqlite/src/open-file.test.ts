import { expect, it } from "vitest";
import { assertNodeVersion } from "./open-file.ts";

it.each(["20.20.2", "22.11.0", "18.0.0"])("refuses Node %s, which the driver would end without a word", (version) => {
  expect(() => assertNodeVersion(version)).toThrow(`needs Node.js 22.12 or later; this is ${version}`);
});

it.each(["22.12.0", "24.0.0", "25.1.0"])("takes Node %s", (version) => {
  expect(() => assertNodeVersion(version)).not.toThrow();
});
