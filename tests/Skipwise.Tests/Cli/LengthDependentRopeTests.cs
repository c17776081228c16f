using System.Text.Json.Nodes;
using Skipwise.Storage;
using Skipwise.Training;

namespace Skipwise.Tests.Cli;

/// <summary>Dynamic NTK, whose rotation depends on the length of a text, from the command: trained, saved and generated with.</summary>
public sealed class LengthDependentRopeTests(SmallModel model) : IClassFixture<SmallModel>
{
    private const int Target = 4 * SmallModel.Window;

    /// <summary>PoSE has short windows and long positions: what is trained is the scaling at the target, and nothing less.</summary>
    [Theory]
    [InlineData("pose"), InlineData("short"), InlineData("full")]
    public async Task Training_takes_the_rotation_of_the_target(string positions)
    {
        async Task<(double Loss, CliRun Run)> First(string name, params string[] rope)
        {
            string folder = model.Path($"{name}-{positions}");
            CliRun run = await CliRun.Of([
                "train", "--model", model.Folder, "--data", model.Text, "--target-length", $"{Target}", "--out", folder, "--steps", "1",
                "--batch-size", "2", "--positions", positions, .. rope]);
            return (JsonLines.Read<StepMetrics>(Path.Combine(folder, "metrics.jsonl")).Single().Loss, run.Succeeded());
        }
        (double dynamic, CliRun run) = await First("dynamic", "--rope", "dynamic-ntk");
        Assert.Contains($"is what it is at {Target} tokens", run.Output + run.Error, StringComparison.Ordinal);
        Assert.Equal((await First("ntk", "--rope", "ntk", "--rope-factor", $"{(4 * 4) - 3}")).Loss, dynamic); // s n / L - (s - 1)
        Assert.NotEqual((await First("default", "--rope", "default")).Loss, dynamic);
        var saved = (JsonObject)JsonNode.Parse(await File.ReadAllTextAsync(
            Path.Combine(model.Path($"dynamic-{positions}"), "config.json"), TestContext.Current.CancellationToken))!;
        Assert.Null(saved["rope_scaling"]); // a base says all, at every length
        Assert.Equal(10000 * Math.Pow(13, 8 / 6.0), (double)saved["rope_theta"]!, 1e-6);
    }

    /// <summary>Prompts end before the original window's end, and after it.</summary>
    [Theory]
    [InlineData(10), InlineData(70)]
    public async Task A_larger_limit_continues_the_same_text(int words)
    {
        string prompt = string.Concat(Enumerable.Repeat("the ", words)).Trim();
        async Task<string> Text(int limit) => (await CliRun.Of(
            "generate", "--model", model.Folder, "--prompt", prompt, "--max-new-tokens", $"{limit}", "--rope", "dynamic-ntk",
            "--rope-factor", "4", "--rope-original-length", "32")).Succeeded().Output.ReplaceLineEndings("").TrimEnd('\uFFFD');
        string few = await Text(4), more = await Text(40);
        Assert.NotEmpty(few);
        Assert.StartsWith(few, more, StringComparison.Ordinal);
    }
}
