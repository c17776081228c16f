using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;

namespace Skipwise.Benchmarks;

/// <summary>
/// <c>skipwise estimate</c> against <c>skipwise train</c>, each a process of its own, in turns, for a shared machine's rate moves
/// meanwhile: every training is held against the mean of the estimates before and after it, and the middle one of these ratios counts.
/// Every try stands on standard error. The peak is the whole process's; the seconds of a step are those of the middle one and its CPU
/// seconds the mean, of all but the first steps. Some rows are asked besides for the largest batch that fits half as much memory again,
/// which is then trained with.
/// </summary>
internal static class EstimateCheck
{
    private const int Rounds = 3, FirstSteps = 2, LeastSteps = 3, MostSteps = 40; // the first ones are not measured
    private const double RunSeconds = 8; // that the steps of a run take, about
    private static readonly string[] s_fitted = ["tiny-pose-16x128", "i-pose-4x512", "i-full-1x4096", "ii-pose-1x1024"];
    private static readonly TimeSpan s_sampling = TimeSpan.FromMilliseconds(20);

    private static readonly (string Name, string Way, string Options)[] s_rows =
    [
        ("tiny-pose-16x128", "pose", "tiny --target-length 1024 --batch-size 16"),
        ("tiny-full-4x1024", "full", "tiny --target-length 1024 --batch-size 4"),
        ("tiny-full-4x1024-ckpt", "full", "tiny --target-length 1024 --batch-size 4 --recompute-every 1"),
        ("i-pose-4x512", "pose", "i --target-length 8192 --train-length 512 --batch-size 4"),
        ("i-pose-1x2048", "pose", "i --target-length 8192 --batch-size 1"),
        ("i-pose-1x2048-ckpt-2", "pose", "i --target-length 8192 --batch-size 1 --recompute-every 2"),
        ("i-pose-1x2048-lora-4bit", "pose", "i --target-length 8192 --batch-size 1 --lora-rank 16 --quantization-bits 4"),
        ("i-pose-1x2048-bf16", "pose", "i --target-length 8192 --batch-size 1 --dtype bfloat16"),
        ("i-full-1x4096", "full", "i --target-length 4096 --batch-size 1"),
        ("i-full-1x8192", "full", "i --target-length 8192 --batch-size 1"),
        ("i-full-1x8192-ckpt", "full", "i --target-length 8192 --batch-size 1 --recompute-every 1"),
        ("ii-pose-1x1024", "pose", "ii --target-length 4096 --train-length 1024 --batch-size 1"),
        ("ii-pose-1x1024-8bit", "pose", "ii --target-length 4096 --train-length 1024 --batch-size 1 --optimizer adamw8bit"),
        ("ii-full-1x4096", "full", "ii --target-length 4096 --train-length 1024 --batch-size 1"),
        ("ii-full-1x4096-ckpt", "full", "ii --target-length 4096 --train-length 1024 --batch-size 1 --recompute-every 1"),
    ];

    /// <param name="pattern">a regular expression that rows' names match</param>
    /// <param name="threads">cores to compute on; null takes all</param>
    public static void Run(string pattern, string? threads)
    {
        string work = Directory.CreateTempSubdirectory("skipwise-estimate-").FullName;
        try
        {
            BenchModels.Write(work);
            Console.WriteLine(
                $"{"case",-24} {"MiB",6} {"real",6} {"ratio",6}  {"CPU s",7} {"real",7} {"ratio",6}  {"s",7} {"real",7} {"ratio",6}  all " +
                $"ratios of s");
            foreach ((string name, string way, string options) in s_rows.Where(row => Regex.IsMatch(row.Name, pattern)))
            {
                string[] words =
                    ["--model", .. $"{Path.Combine(work, options)}".Split(' '), .. threads is null ? [] : (string[])["--threads", threads]];
                Cost before = Estimate(way, words);
                var rounds = new List<(Cost Estimate, Cost Real)>();
                for (int round = 0; round < Rounds; round++)
                {
                    int steps = Math.Clamp((int)(RunSeconds / before.Seconds), LeastSteps, MostSteps);
                    Cost real = Train(work, way, words, FirstSteps + steps), after = Estimate(way, words);
                    rounds.Add((Cost.Mean(before, after), real));
                    Console.Error.WriteLine(
                        $"  {name}: estimated {before.Seconds:0.000} and {after.Seconds:0.000} s, CPU {before.CpuSeconds:0.000} and " +
                        $"{after.CpuSeconds:0.000} s;"
                        + $" took {real.Seconds:0.000} s, CPU {real.CpuSeconds:0.000} s");
                    before = after;
                }
                string Compared(Func<Cost, double> part, string format)
                {
                    (Cost estimate, Cost real) = rounds.OrderBy(round => part(round.Estimate) / part(round.Real)).ElementAt(Rounds / 2);
                    return string.Format(CultureInfo.InvariantCulture, $"{{0,7:{format}}} {{1,7:{format}}} {{2,6:0.00}}", part(estimate),
                        part(real), part(estimate) / part(real));
                }
                Console.WriteLine(
                    $"{name,-24}{Compared(cost => cost.PeakMib, "0")}  {Compared(cost => cost.CpuSeconds, "0.000")}  " +
                    $"{Compared(cost => cost.Seconds, "0.000")}  "
                    + string.Join(' ', rounds.Select(round => $"{round.Estimate.Seconds / round.Real.Seconds:0.00}")));
                if (s_fitted.Contains(name))
                {
                    string memory = (1.5 * before.PeakMib / 1024).ToString("0.000", CultureInfo.InvariantCulture);
                    int largest =
                        JsonDocument.Parse(Tool(["estimate", .. words, "--memory", memory, "--json"], _ => { })).RootElement.GetProperty(
                            way).GetProperty("largest_batch").GetInt32();
                    words[Array.IndexOf(words, "--batch-size") + 1] = largest.ToString(CultureInfo.InvariantCulture);
                    Console.WriteLine(
                        $"  --fit --memory {memory}: --batch-size {largest} took " +
                        $"{Train(work, way, words, FirstSteps + 1).PeakMib / 1024:0.000} GiB");
                }
            }
        }
        finally
        {
            Directory.Delete(work, recursive: true);
        }
    }

    /// <summary>Of a process's peak, and of one step.</summary>
    private readonly record struct Cost(double PeakMib, double CpuSeconds, double Seconds)
    {
        public static Cost Mean(Cost a, Cost b) =>
            new(0.5 * (a.PeakMib + b.PeakMib), 0.5 * (a.CpuSeconds + b.CpuSeconds), 0.5 * (a.Seconds + b.Seconds));
    }

    private static Cost Estimate(string way, string[] words)
    {
        JsonElement estimate = JsonDocument.Parse(Tool(["estimate", .. words, "--json"], _ => { })).RootElement.GetProperty(way);
        return new(estimate.GetProperty("memory").GetProperty("peak").GetInt64() / (double)(1 << 20),
            estimate.GetProperty("cpu_seconds_per_step").GetDouble(), estimate.GetProperty("seconds_per_step").GetDouble());
    }

    private static Cost Train(string work, string way, string[] words, int steps)
    {
        string folder = Path.Combine(work, "run"), metrics = Path.Combine(folder, "metrics.jsonl");
        (double first, double last, long peak) = (0, 0, 0);
        Tool(["train", .. words, "--data", Path.Combine(work, "text.jsonl"), "--positions", way, "--save-every", "0", "--steps",
            steps.ToString(CultureInfo.InvariantCulture), "--out", folder], tool =>
        {
            peak = Math.Max(peak, tool.PeakWorkingSet64);
            double cpu = tool.TotalProcessorTime.TotalSeconds;
            int done = Lines(metrics).Count;
            (first, last) = (done < FirstSteps ? cpu : first, done < steps ? cpu : last);
        });
        double[] times = [.. Lines(metrics).Select(line => JsonDocument.Parse(line).RootElement)
            .Select(step => step.GetProperty("tokens").GetInt64() / step.GetProperty("tokens_per_second").GetDouble()).Skip(FirstSteps)
            .Order()];
        Directory.Delete(folder, recursive: true);
        return new(peak / (double)(1 << 20), (last - first) / (steps - FirstSteps), times[times.Length / 2]);
    }

    /// <summary>Whole lines of a file that is being written, if it is there.</summary>
    private static List<string> Lines(string file)
    {
        if (!File.Exists(file))
        {
            return [];
        }
        using var reader = new StreamReader(new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.ReadWrite));
        return [.. reader.ReadToEnd().Split('\n')[..^1]];
    }

    /// <param name="watch">looks at the process from time to time, as long as it lives</param>
    /// <returns>what it prints</returns>
    private static string Tool(IEnumerable<string> words, Action<Process> watch)
    {
        using var tool =
            Process.Start(
                new ProcessStartInfo("dotnet",
                    [Path.Combine(AppContext.BaseDirectory, "skipwise.dll"), .. words])
                {
                    RedirectStandardOutput = true,
                    RedirectStandardError = true
                })!;
        Task<string> output = tool.StandardOutput.ReadToEndAsync(), errors = tool.StandardError.ReadToEndAsync();
        while (!tool.WaitForExit(s_sampling))
        {
            tool.Refresh();
            try
            {
                watch(tool);
            }
            catch (Exception e) when (e is InvalidOperationException or Win32Exception) { } // it has just ended
        }
        return tool.ExitCode == 0 ? output.Result : throw new InvalidOperationException(errors.Result);
    }
}
