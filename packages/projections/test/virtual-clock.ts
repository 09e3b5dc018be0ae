export { VirtualClock } from "../src/conformance/virtual-clock.ts";
