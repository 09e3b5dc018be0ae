import { expect, it } from "vitest";
import { SharedQuestion } from "./shared-question.ts";

it("puts one question at a time, and gives nobody an answer that is older than the asking", async () => {
  const puts: PromiseWithResolvers<number>[] = [];
  const question = new SharedQuestion(() => {
    const put = Promise.withResolvers<number>();
    puts.push(put);
    return put.promise;
  });

  const first = question.ask();
  const second = question.ask();
  const third = question.ask();
  expect(puts).toHaveLength(1);
  puts[0]?.resolve(1);

  expect(await first).toBe(1);
  await expect.poll(() => puts.length).toBe(2);
  puts[1]?.resolve(2);
  expect(await Promise.all([second, third])).toEqual([2, 2]);
  expect(question.isIdle).toBe(true);
});

it("asks again after a failure", async () => {
  let count = 0;
  const question = new SharedQuestion(async () => {
    count += 1;
    if (count === 1) throw new Error("away");
    return count;
  });

  const first = question.ask();
  const second = question.ask();

  await expect(first).rejects.toThrow("away");
  expect(await second).toBe(2);
});
