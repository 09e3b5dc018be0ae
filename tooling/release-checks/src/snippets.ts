/** A block of code of a page, with the blocks that it continues. */
export interface Snippet {
  readonly page: string;
  readonly code: string;
  /** Line in the page of a line of `code`; both count from 1. */
  lineOf(line: number): number;
}

const FENCE = /^\s*(`{3,}|~{3,})\s*([^\s`]*)[ \t]*([^`]*)$/;
const QUOTED_FENCE = /^\s*>[\s>]*(`{3}|~{3})/;
/** Other spellings of TypeScript, and JavaScript: code for a reader, but nothing that the check would see. */
const UNCHECKED_CODE = /^([cm]?[jt]sx?|typescript|javascript)\b/i;

/**
 * The `ts` blocks of a markdown page. A block whose fence says `ts continued` goes on from the blocks before it.
 * @throws Error for whatever would keep a block from being checked, and for a fence that is never closed
 */
export function snippetsOf(page: string, markdown: string): readonly Snippet[] {
  const snippets: { lines: string[]; numbers: number[] }[] = [];
  let open: { readonly isTs: boolean; readonly line: number; readonly marks: string } | undefined;
  for (const [index, line] of markdown.split("\n").entries()) {
    const number = index + 1;
    const [isFence, marks = "", language = "", words = ""] = FENCE.exec(line) ?? [];
    if (open !== undefined) {
      if (isFence !== undefined && language === "" && marks.startsWith(open.marks)) {
        open = undefined;
      } else if (open.isTs) {
        snippets.at(-1)?.lines.push(line);
        snippets.at(-1)?.numbers.push(number);
      }
      continue;
    }
    if (QUOTED_FENCE.test(line))
      throw new Error(`${page}:${number}: a block in a quotation is not checked; move it out`);
    if (isFence === undefined) continue;
    const isTs = language === "ts";
    if (!isTs && UNCHECKED_CODE.test(language))
      throw new Error(`${page}:${number}: a block in "${language}" is not checked; write "ts"`);
    open = { isTs, line: number, marks };
    if (!isTs || (words === "continued" && snippets.length > 0)) continue;
    if (words !== "")
      throw new Error(`${page}:${number}: the fence says "ts ${words}"; only "ts" and "ts continued" are known`);
    snippets.push({ lines: [], numbers: [] });
  }
  if (open !== undefined) throw new Error(`${page}:${open.line}: the fence is never closed`);
  return snippets.map(({ lines, numbers }) => ({
    page,
    code: lines.join("\n"),
    lineOf: (line) => numbers[line - 1] ?? 1,
  }));
}
