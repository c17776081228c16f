using System.Diagnostics;
using System.Text.Json;
using System.Text.Json.Nodes;
using Skipwise.Tokenizers;

namespace Skipwise.Benchmarks.Gpu;

/// <summary>The tool's own run on the device, killed in the middle and resumed, against one that was left alone.</summary>
internal static class KilledRun
{
    private const double Bar = 1e-3;

    public static JsonObject Run(GpuSetup setup)
    {
        int steps = setup.IsSmall ? 12 : 40, every = setup.IsSmall ? 3 : 5;
        string folder = Directory.CreateTempSubdirectory("skipwise-gpu-").FullName;
        try
        {
            ITokenizer tokenizer = TokenizerLoader.Load(GpuSetup.ShippedModel);
            string data = Path.Combine(folder, "text.jsonl");
            string whole = Path.Combine(folder, "whole"), killed = Path.Combine(folder, "killed");
            File.WriteAllLines(data, GpuModels.Chronicles(tokenizer, 32, 256).Select(text => JsonSerializer.Serialize(new { text })));
            string[] Arguments(string target) =>
            [
                "train", "--model", GpuSetup.ShippedModel, "--data", data, "--target-length", "1024", "--steps", $"{steps}",
                "--save-every", $"{every}", "--batch-size", $"{setup.BatchSize}", "--device", setup.DeviceName, "--out", target,
            ];
            Wait(Start(Arguments(whole)));
            using (Process run = Start(Arguments(killed)))
            {
                string log = Path.Combine(killed, "metrics.jsonl");
                while (!run.HasExited && (!File.Exists(log) || File.ReadLines(log).Count() <= every))
                {
                    Thread.Sleep(10);
                }
                run.Kill(entireProcessTree: true);
                run.WaitForExit();
            }
            bool wasKilled = !File.Exists(Path.Combine(killed, "config.json"));
            Wait(Start([.. Arguments(killed), "--resume"]));
            double[] expected = Losses(whole), found = Losses(killed);
            double apart = found.Length == expected.Length
                ? found.Zip(expected, (a, b) => Math.Abs(a - b) / b).Max() : double.PositiveInfinity;
            return new()
            {
                ["steps"] = steps,
                ["killed_before_its_end"] = wasKilled,
                ["largest_relative_loss_difference"] = double.IsFinite(apart) ? apart : "the log has other steps",
                ["same_bytes"] = SameWeights(whole, killed),
                ["passed"] = wasKilled && apart <= Bar,
            };
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static Process Start(string[] arguments)
    {
        string tool = Path.Combine(AppContext.BaseDirectory, "skipwise"), portable = Path.Combine(AppContext.BaseDirectory, "skipwise.dll");
        bool isPublished = File.Exists(tool);
        return Process.Start(new ProcessStartInfo(isPublished ? tool : "dotnet", isPublished ? arguments : [portable, .. arguments])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
    }

    private static void Wait(Process run)
    {
        using (run)
        {
            Task<string> output = run.StandardOutput.ReadToEndAsync(), errors = run.StandardError.ReadToEndAsync();
            run.WaitForExit();
            if (run.ExitCode != 0)
            {
                throw new SkipwiseException(
                    $"skipwise train ended with exit code {run.ExitCode}: {errors.Result.Trim()} {output.Result.Trim()}");
            }
        }
    }

    private static double[] Losses(string run) =>
        [.. File.ReadLines(Path.Combine(run, "metrics.jsonl")).Select(line => (double)JsonNode.Parse(line)!["loss"]!)];

    private static bool SameWeights(string a, string b)
    {
        byte[] Weights(string run) => File.ReadAllBytes(Path.Combine(run, "model.safetensors"));
        return Weights(a).AsSpan().SequenceEqual(Weights(b));
    }
}
