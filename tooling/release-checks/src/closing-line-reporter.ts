import type { Reporter, TestModule } from "vitest/node";

/** Ends a test run with one plain line that any log reader understands. */
export default class ClosingLineReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly unknown[]): void {
    // An error outside every test fails the run, so the line must not say that nothing failed.
    const counts = { passed: 0, failed: unhandledErrors.length, skipped: 0 };
    for (const module of modules) {
      let hasFailedTest = false;
      for (const test of module.children.allTests()) {
        const { state } = test.result();
        if (state === "passed") counts.passed += 1;
        else if (state === "failed") counts.failed += 1;
        else counts.skipped += 1;
        hasFailedTest ||= state === "failed";
      }
      // A file that could not even be loaded has no tests to count.
      if (module.state() === "failed" && !hasFailedTest) counts.failed += 1;
    }
    process.stdout.write(`${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped\n`);
  }
}
