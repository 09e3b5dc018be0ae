import { expect, it } from "vitest";
import { replaceBlock } from "../src/generated-block.ts";

it("replaces only what stands between the markers", () => {
  const document = "before\n<!-- ratios:begin -->\nold\n<!-- ratios:end -->\nafter\n";

  expect(replaceBlock(document, "ratios", "new")).toBe(
    "before\n<!-- ratios:begin -->\nnew\n<!-- ratios:end -->\nafter\n",
  );
});

it("refuses a document without the markers", () => {
  expect(() => replaceBlock("text", "ratios", "new")).toThrow("ratios:begin");
});
