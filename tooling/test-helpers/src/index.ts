export { Chance } from "./chance.ts";
export { Child } from "./child.ts";
export { delegate, delegateRegisters } from "./delegate.ts";
export { idsOf, writeOf } from "./new-write.ts";
export { collect, readLog } from "./read-log.ts";
export { given, say } from "./say.ts";
