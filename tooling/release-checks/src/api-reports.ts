import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { Extractor, ExtractorConfig, ExtractorLogLevel } from "@microsoft/api-extractor";
import { type PublishedPackage, publishedPackages } from "./packages.ts";

/** Writes the API report of every package, or with `--check` fails when one is out of date. All are looked at before it fails. */
const isCheck = process.argv.includes("--check");
const temp = mkdtempSync(join(tmpdir(), "es-api-"));
let problems = 0;
try {
  for (const pkg of publishedPackages()) {
    const reportFile = join(pkg.folder, `${basename(pkg.folder)}.api.md`);
    const report = [...pkg.entries].map(([path, types]) => reportOf(pkg, path, types)).join("\n");
    if (isCheck) {
      if (existsSync(reportFile) && readFileSync(reportFile, "utf8") === report) continue;
      problems += 1;
      process.stderr.write(`${reportFile} is out of date: run pnpm run api:update and review the difference\n`);
    } else {
      writeFileSync(reportFile, report);
    }
  }
} finally {
  rmSync(temp, { recursive: true, force: true });
}
if (problems > 0) process.exitCode = 1;

function reportOf(pkg: PublishedPackage, path: string, types: string): string {
  const folder = join(temp, basename(pkg.folder), path.replaceAll(/\W/g, "_"));
  mkdirSync(folder, { recursive: true });
  const config = ExtractorConfig.prepare({
    configObject: {
      projectFolder: pkg.folder,
      mainEntryPointFilePath: types,
      compiler: { tsconfigFilePath: join(pkg.folder, "tsconfig.build.json") },
      apiReport: { enabled: true, reportFileName: "report.api.md", reportFolder: folder, reportTempFolder: folder },
      docModel: { enabled: false },
      dtsRollup: { enabled: false },
      tsdocMetadata: { enabled: false },
      messages: {
        compilerMessageReporting: { default: { logLevel: ExtractorLogLevel.Error } },
        extractorMessageReporting: {
          default: { logLevel: ExtractorLogLevel.None, addToApiReportFile: false },
          // Every public symbol has a sentence that says what the caller can rely on.
          "ae-undocumented": { logLevel: ExtractorLogLevel.Error, addToApiReportFile: false },
          // The further entries of a package use what its main entry exports.
          "ae-forgotten-export": {
            logLevel: path === "." ? ExtractorLogLevel.Error : ExtractorLogLevel.None,
            addToApiReportFile: false,
          },
        },
        tsdocMessageReporting: { default: { logLevel: ExtractorLogLevel.None } },
      },
    },
    configObjectFullPath: undefined,
    packageJsonFullPath: join(pkg.folder, "package.json"),
  });
  const result = Extractor.invoke(config, {
    localBuild: true,
    showVerboseMessages: false,
    messageCallback(message) {
      // Described once, in the base class of the errors.
      if (message.messageId === "ae-undocumented" && /"(code|retryable)"/.test(message.text))
        message.logLevel = ExtractorLogLevel.None;
    },
  });
  if (result.errorCount > 0) {
    problems += 1;
    process.stderr.write(`the API of ${pkg.name} (${path}) has errors, listed above: ${result.errorCount}\n`);
  }
  const report = readFileSync(join(folder, "report.api.md"), "utf8");
  return report.replaceAll("\r\n", "\n").replace(/^## API Report File for .*$/m, `## ${pkg.name}${path.slice(1)}`);
}
