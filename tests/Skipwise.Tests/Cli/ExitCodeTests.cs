using System.Diagnostics;
using Skipwise.Cli.Verbs;
using Skipwise.Reports;

namespace Skipwise.Tests.Cli;

/// <summary>What scripts and CI see: exit codes of real processes. 130 is in <see cref="InterruptionTests"/>.</summary>
public class ExitCodeTests
{
    [Fact]
    public void Zero_is_success() => Assert.Equal(0, ToolProcess.Run("inspect", "plan", "--train-length", "16", "-t", "64").Code);

    [Theory]
    [InlineData("trian"), InlineData("eval"), InlineData("verify --model nowhere"), InlineData("inspect --model nowhere")]
    [InlineData("train --model m --data d --target-length none --out o"), InlineData("train --config nowhere.yaml")]
    public void One_is_wrong_usage_or_input(string line)
    {
        (int code, _, string error) = ToolProcess.Run(line.Split(' '));
        Assert.True(code == 1, error);
    }

    /// <summary>The tool with a broken part of its own: a library that is none.</summary>
    [Fact]
    public void Two_is_a_fault_of_ours()
    {
        using var folder = new TempFolder();
        foreach (string file in Directory.GetFiles(AppContext.BaseDirectory)
            .Where(file => Path.GetExtension(file) is ".dll" or ".json"
                && !Path.GetFileName(file).StartsWith("Skipwise.Tests.", StringComparison.Ordinal)))
        {
            File.Copy(file, folder[Path.GetFileName(file)]);
        }
        File.WriteAllText(folder["TorchSharp.dll"], "no library");
        (int code, _, string error) =
            ChildProcess.Run(new ProcessStartInfo("dotnet", [folder["skipwise.dll"], "verify", "-m", "m", "--reference", "r"]));
        Assert.True(code == 2, error);
        Assert.Contains("This is a fault of Skipwise", error, StringComparison.Ordinal);
    }

    [Fact]
    public void Three_is_a_check_that_failed()
    {
        string model = Fixture.Path("llama-yarn16");
        (int code, _, string error) = ToolProcess.Run("verify", "-m", model, "--reference", Path.Combine(model, "reference.safetensors"));
        Assert.True(code == 3, error);
        Assert.Contains("logits differ", error, StringComparison.Ordinal);
    }

    /// <summary>Not a process: the demo takes minutes.</summary>
    [Theory]
    [InlineData(true, true, 0), InlineData(true, false, 3)]
    public void Three_is_a_demo_that_misses_a_criterion(bool first, bool second, int code)
    {
        bool[] met = [first, second];
        var results = new DemoResults
        {
            TrainLength = 1,
            TargetLength = 2,
            Perplexity = [],
            Passkey = [],
            Seconds = new Dictionary<string, double>(),
            Bars = [.. met.Select((isMet, i) => new DemoCriterion($"criterion {i}", "1", isMet ? 1 : 0, isMet))],
        };
        Assert.Equal(code, DemoVerb.CodeOf(results));
    }
}
