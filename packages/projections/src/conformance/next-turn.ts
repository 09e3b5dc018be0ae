/** Lets timers and input of the process have their turn; promises alone never would. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
