using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Skipwise.Training;

namespace Skipwise.Benchmarks;

/// <summary>
/// <c>skipwise estimate</c> against <c>skipwise train</c>, each a process of its own: the peak is the whole process's, CPU seconds of a step
/// are those of a run of some steps less those of two, over their difference (so that the start and code that is not yet compiled drop out), seconds those of the middle step.
/// The estimate is the mean of one before the runs and one after them, for a shared machine's rate moves meanwhile. Some rows are asked
/// besides for the largest batch that fits half as much memory again, which is then trained with.
/// </summary>
internal static class EstimateCheck
{
    private const int FirstSteps = 2, LeastSteps = 4, MostSteps = 24;
    private const double RunSeconds = 8; // that the steps of a run take, about
    private const double Gibibyte = 1 << 30;
    private static readonly string[] s_fitted = ["tiny-pose-16x128", "i-pose-4x512", "i-full-1x4096", "ii-pose-1x1024"];
    private static readonly TimeSpan s_sampling = TimeSpan.FromMilliseconds(20);

    private static readonly (string Name, string Way, string Options)[] s_rows =
    [
        ("tiny-pose-16x128", "pose", "tiny --target-length 1024 --batch-size 16"),
        ("tiny-full-4x1024", "full", "tiny --target-length 1024 --batch-size 4"),
        ("tiny-full-4x1024-ckpt", "full", "tiny --target-length 1024 --batch-size 4 --checkpoint-layers 1"),
        ("i-pose-4x512", "pose", "i --target-length 8192 --train-length 512 --batch-size 4"),
        ("i-pose-1x2048", "pose", "i --target-length 8192 --batch-size 1"),
        ("i-pose-1x2048-ckpt-2", "pose", "i --target-length 8192 --batch-size 1 --checkpoint-layers 2"),
        ("i-pose-1x2048-lora-4bit", "pose", "i --target-length 8192 --batch-size 1 --lora-rank 16 --base-bits 4"),
        ("i-pose-1x2048-bf16", "pose", "i --target-length 8192 --batch-size 1 --dtype bfloat16"),
        ("i-full-1x4096", "full", "i --target-length 4096 --batch-size 1"),
        ("i-full-1x8192", "full", "i --target-length 8192 --batch-size 1"),
        ("i-full-1x8192-ckpt", "full", "i --target-length 8192 --batch-size 1 --checkpoint-layers 1"),
        ("ii-pose-1x1024", "pose", "ii --target-length 4096 --train-length 1024 --batch-size 1"),
        ("ii-pose-1x1024-8bit", "pose", "ii --target-length 4096 --train-length 1024 --batch-size 1 --optimizer adamw8bit"),
        ("ii-full-1x4096", "full", "ii --target-length 4096 --train-length 1024 --batch-size 1"),
        ("ii-full-1x4096-ckpt", "full", "ii --target-length 4096 --train-length 1024 --batch-size 1 --checkpoint-layers 1"),
    ];

    /// <param name="pattern">rows whose names hold it</param>
    /// <param name="threads">cores to compute on; null takes all</param>
    public static void Run(string pattern, string? threads)
    {
        string work = Directory.CreateTempSubdirectory("skipwise-estimate-").FullName;
        try
        {
            BenchModels.Write(work);
            Console.WriteLine($"{"case",-24} {"MiB",6} {"real",6} {"ratio",6}  {"CPU s",7} {"real",7} {"ratio",6}  {"s",7} {"real",7} {"ratio",6}");
            foreach ((string name, string way, string options) in s_rows.Where(row => row.Name.Contains(pattern, StringComparison.Ordinal)))
            {
                string[] words = ["--model", .. $"{Path.Combine(work, options)}".Split(' '), .. threads is null ? [] : (string[])["--threads", threads]];
                (double Peak, double Cpu, double Seconds) before = Estimate(way, words);
                int steps = Math.Clamp((int)(RunSeconds / before.Seconds), LeastSteps, MostSteps);
                (Finished run, _) = Train(work, way, words, FirstSteps);
                (Finished longer, double step) = Train(work, way, words, steps);
                (double Peak, double Cpu, double Seconds) after = Estimate(way, words);
                (double peak, double cpu, double seconds) = (0.5 * (before.Peak + after.Peak), 0.5 * (before.Cpu + after.Cpu), 0.5 * (before.Seconds + after.Seconds));
                double real = longer.PeakBytes / (double)(1 << 20), realCpu = (longer.CpuSeconds - run.CpuSeconds) / (steps - FirstSteps);
                Console.WriteLine($"{name,-24} {peak,6:0} {real,6:0} {peak / real,6:0.00}  {cpu,7:0.000} {realCpu,7:0.000} {cpu / realCpu,6:0.00}  {seconds,7:0.000} {step,7:0.000} {seconds / step,6:0.00}");
                if (s_fitted.Contains(name))
                {
                    string memory = (1.5 * peak / 1024).ToString("0.000", CultureInfo.InvariantCulture);
                    int largest = JsonDocument.Parse(Tool(["estimate", .. words, "--memory", memory, "--json"]).Output).RootElement.GetProperty(way).GetProperty("largest_batch").GetInt32();
                    words[Array.IndexOf(words, "--batch-size") + 1] = largest.ToString(CultureInfo.InvariantCulture);
                    (Finished fitted, _) = Train(work, way, words, 1);
                    Console.WriteLine($"  --fit --memory {memory}: --batch-size {largest} took {fitted.PeakBytes / Gibibyte:0.000} GiB");
                }
            }
        }
        finally
        {
            Directory.Delete(work, recursive: true);
        }
    }

    /// <returns>MiB, CPU seconds and seconds</returns>
    private static (double Peak, double Cpu, double Seconds) Estimate(string way, string[] words)
    {
        JsonElement estimate = JsonDocument.Parse(Tool(["estimate", .. words, "--json"]).Output).RootElement.GetProperty(way);
        return (estimate.GetProperty("memory").GetProperty("peak").GetInt64() / (double)(1 << 20), estimate.GetProperty("cpu_seconds_per_step").GetDouble(), estimate.GetProperty("seconds_per_step").GetDouble());
    }

    private static (Finished Run, double StepSeconds) Train(string work, string way, string[] words, int steps)
    {
        string folder = Path.Combine(work, "run");
        Finished run = Tool(["train", .. words, "--data", Path.Combine(work, "text.jsonl"), "--positions", way, "--save-every", "0", "--steps", steps.ToString(CultureInfo.InvariantCulture), "--out", folder]);
        double[] times = [.. File.ReadLines(Path.Combine(folder, "metrics.jsonl")).Select(line => JsonDocument.Parse(line).RootElement)
            .Select(step => step.GetProperty("tokens").GetInt64() / step.GetProperty("tokens_per_second").GetDouble()).Skip(FirstSteps).Order()];
        Directory.Delete(folder, recursive: true);
        return (run, times.Length == 0 ? 0 : times[times.Length / 2]);
    }

    private sealed record Finished(string Output, double CpuSeconds, long PeakBytes);

    private static Finished Tool(IEnumerable<string> words)
    {
        using var tool = Process.Start(new ProcessStartInfo("dotnet", [Path.Combine(AppContext.BaseDirectory, "skipwise.dll"), .. words]) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        Task<string> output = tool.StandardOutput.ReadToEndAsync(), errors = tool.StandardError.ReadToEndAsync();
        (double cpu, long peak) = (0, 0);
        while (!tool.WaitForExit(s_sampling)) // the kernel tells as long as the process lives
        {
            tool.Refresh();
            try
            {
                (cpu, peak) = (tool.TotalProcessorTime.TotalSeconds, Math.Max(peak, tool.PeakWorkingSet64));
            }
            catch (Exception e) when (e is InvalidOperationException or Win32Exception) { } // it has just ended
        }
        return tool.ExitCode == 0 ? new(output.Result, cpu, peak) : throw new InvalidOperationException(errors.Result);
    }
}
