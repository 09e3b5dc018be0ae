/** What was frozen here. Others freeze too, but perhaps not all the way down. */
const deeplyFrozen = new WeakSet<object>();

/**
 * Freezes plain objects and lists all the way down. What it has frozen before it does not visit again, so that states which
 * share most of their structure with the state before cost little.
 */
export function deepFreeze<T>(value: T): T {
  if (typeof value !== "object" || value === null || deeplyFrozen.has(value)) return value;
  if (Array.isArray(value)) {
    deeplyFrozen.add(value);
    Object.freeze(value);
    for (const item of value) deepFreeze(item);
    return value;
  }
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) return value;
  deeplyFrozen.add(value);
  Object.freeze(value);
  for (const member of Object.values(value)) deepFreeze(member);
  return value;
}
