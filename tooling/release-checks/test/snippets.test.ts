import { describe, expect, it } from "vitest";
import { snippetsOf } from "../src/snippets.ts";

const fence = "```";

describe("snippets of a page", () => {
  it("are the ts blocks, with the line each stands on", () => {
    const page = [
      "# Title",
      `${fence}ts`,
      "const a = 1;",
      fence,
      `${fence}sh`,
      "ls",
      fence,
      `${fence}ts`,
      "const b = 2;",
      fence,
    ].join("\n");

    const snippets = snippetsOf("page.md", page);

    expect(snippets.map(({ code }) => code)).toEqual(["const a = 1;", "const b = 2;"]);
    expect(snippets[1]?.lineOf(1)).toBe(9);
  });

  it("are joined when a block continues the one before", () => {
    const page = [`${fence}ts`, "const a = 1;", fence, "text", `${fence}ts continued`, "const b = a;", fence].join(
      "\n",
    );

    const snippets = snippetsOf("page.md", page);

    expect(snippets.map(({ code }) => code)).toEqual(["const a = 1;\nconst b = a;"]);
    expect(snippets[0]?.lineOf(2)).toBe(6);
  });

  it.each([`${fence}ts no-check`, `${fence}typescript`, `${fence}TS`, `${fence}ts{1,2}`, `${fence}js`, `> ${fence}ts`])(
    "cannot be kept from being checked by %s",
    (opening) => {
      expect(() => snippetsOf("page.md", `${opening}\n${fence}`)).toThrow("page.md:1");
    },
  );

  it.each([
    `~~~ts\nconst a = 1;\n~~~`,
    `${fence} ts\nconst a = 1;\n${fence}`,
    `\`${fence}ts\nconst a = 1;\n\`${fence}`,
  ])("are found whatever the fence looks like: %j", (page) => {
    expect(snippetsOf("page.md", page).map(({ code }) => code)).toEqual(["const a = 1;"]);
  });

  it("may hold a shorter fence", () => {
    const page = `\`${fence}md\n${fence}ts no-check\n${fence}\n\`${fence}`;

    expect(snippetsOf("page.md", page)).toEqual([]);
  });

  it("must be closed", () => {
    expect(() => snippetsOf("page.md", `${fence}ts`)).toThrow("never closed");
  });
});
