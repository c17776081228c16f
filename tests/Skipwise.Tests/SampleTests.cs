using System.Diagnostics;
using Skipwise.Tests.Cli;

namespace Skipwise.Tests;

/// <summary>The programs of samples/ are built with the tests, and run as programs of their own.</summary>
public sealed class SampleTests(SmallModel small) : IClassFixture<SmallModel>
{
    [Fact]
    public void A_model_is_extended_and_measured()
    {
        using var folder = new TempFolder();
        string texts = folder.Write("texts.txt", string.Join("\n\n", Enumerable.Range(0, 4).Select(i =>
            string.Join(' ', Enumerable.Range(0, 150).Select(word => $"word{(word * (i + 3)) % 37}")))));
        string program = Path.Combine(AppContext.BaseDirectory, "ExtendAndMeasure.dll");
        (int code, string output, string error) = ChildProcess.Run(
            new ProcessStartInfo("dotnet", [program, small.Folder, texts, folder["extended"]]));
        Assert.True(code == 0, error);
        Assert.Contains($"windows of {SmallModel.Window} tokens", output, StringComparison.Ordinal);
        Assert.Contains($"windows of {2 * SmallModel.Window} tokens", output, StringComparison.Ordinal);
        Assert.True(File.Exists(Path.Combine(folder["extended"], "config.json")));
    }

    [Fact]
    public void The_README_shows_what_the_sample_runs()
    {
        string sample = File.ReadAllText(Path.Combine(HouseRulesTests.Root(), "samples", "ExtendAndMeasure", "Program.cs"));
        string shown = sample.Split("// README\n")[1].Trim();
        string readme = File.ReadAllText(Path.Combine(HouseRulesTests.Root(), "README.md"));
        Assert.Contains(string.Join('\n', shown.Split('\n').Select(line => line.Length > 0 ? "    " + line : line)), readme,
            StringComparison.Ordinal);
    }
}
