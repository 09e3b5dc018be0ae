export { createVirtualClock, type VirtualClock, type VirtualClockOptions } from "./create-virtual-clock.ts";
