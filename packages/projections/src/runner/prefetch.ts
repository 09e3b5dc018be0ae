/**
 * Asks for the next item while the current one is being worked on, and no further: at most one item waits. A failure is
 * thrown when its turn comes, after everything in front of it.
 */
export async function* prefetch<Item>(source: AsyncIterable<Item>): AsyncGenerator<Item, void, undefined> {
  const iterator = source[Symbol.asyncIterator]();
  let pending = ask(iterator);
  let isOver = false;
  try {
    for (;;) {
      const result = await pending;
      if ("failure" in result) {
        isOver = true;
        throw result.failure;
      }
      if (result.done === true) {
        isOver = true;
        return;
      }
      pending = ask(iterator);
      yield result.value;
    }
  } finally {
    // A generator that waits for its next item only returns when that has come, so nobody waits for the return.
    if (!isOver) iterator.return?.().catch(() => undefined);
  }
}

/** The next item, or what went wrong; never a rejection that nobody listens to. */
function ask<Item>(iterator: AsyncIterator<Item>): Promise<IteratorResult<Item> | { readonly failure: unknown }> {
  return iterator.next().catch((failure: unknown) => ({ failure }));
}
