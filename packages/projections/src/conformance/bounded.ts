/** Waits for `promise`. @throws Error saying what was waited for in vain */
export async function bounded<Result>(promise: Promise<Result>, what: string, limitMs: number): Promise<Result> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const limit = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`waited ${limitMs} ms in vain for ${what}`)), limitMs);
  });
  try {
    return await Promise.race([promise, limit]);
  } finally {
    clearTimeout(timer);
  }
}

/** Asks again after every turn of the event loop until `isTrue` holds. @throws Error saying what was waited for in vain */
export async function turnsUntil(isTrue: () => boolean, what: string, limitMs: number): Promise<void> {
  const end = performance.now() + limitMs;
  while (!isTrue()) {
    if (performance.now() > end) throw new Error(`waited ${limitMs} ms in vain for ${what}`);
    await new Promise<void>((resolve) => {
      setTimeout(resolve, 1);
    });
  }
}
