using Skipwise.Checkpoints.Formats;
using static TorchSharp.torch;

namespace Skipwise.Tests.Cli;

/// <summary>The original's logits, through the command that users prove theirs with.</summary>
public class VerifyTests
{
    public static TheoryData<string> Cases => [.. ParityCase.All];

    [Theory]
    [MemberData(nameof(Cases))]
    public async Task The_originals_logits_pass(string name)
    {
        CliRun run =
            (await CliRun.Of(["verify", "--model", Fixture.Path(name), "--reference", Reference(name), .. ParityCase.RopeFlags(name)]))
            .Succeeded();
        Assert.Matches(@"contiguous .*ok", run.Output);
        Assert.DoesNotContain("FAIL", run.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Another_yarn_fails_and_the_right_one_is_suggested()
    {
        CliRun run = await CliRun.Of("verify", "--model", Fixture.Path("llama-yarn16"), "--reference", Reference("llama-yarn16"));
        run.FailedCheck("try --rope yarn-revised");
        Assert.Contains("FAIL", run.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_is_odd_about_a_config_is_told()
    {
        using var folder = new TempFolder();
        string copy = folder.Copy(Fixture.Path("gptj-yarn16"), "model"), config = Path.Combine(copy, "config.json");
        File.WriteAllText(config,
            File.ReadAllText(config).Replace("\"n_head\"", "\"favourite_colour\": \"red\", \"n_head\"", StringComparison.Ordinal));
        CliRun run = (await CliRun.Of("verify", "--model", copy, "--reference", Reference("gptj-yarn16"), "--rope-original-length", "2048"))
            .Succeeded();
        Assert.Contains($"warning: {config}: key favourite_colour: unknown, and not read", run.Error, StringComparison.Ordinal);
        Assert.Contains("check: ", run.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("names no original_max_position_embeddings", run.Error, StringComparison.Ordinal);
        run = await CliRun.Of("verify", "--model", copy, "--reference", Reference("gptj-yarn16"));
        Assert.Equal(3, run.Code);
        Assert.Contains("names no original_max_position_embeddings", run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task One_wrong_logit_fails_its_name_alone()
    {
        using var folder = new TempFolder();
        CliRun run = await VerifyChanged(folder, tensors => tensors["logits.pose2"][1, 7, 5] += 0.01f);
        run.FailedCheck("differ");
        Assert.Matches(@"contiguous .*ok", run.Output);
        Assert.Matches(@"pose2 .*1\.00e-02 +FAIL", run.Output);
        Assert.DoesNotContain("yarn", run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_tolerance_forgives()
    {
        using var folder = new TempFolder();
        (await VerifyChanged(folder, tensors => tensors["logits.pose2"][1, 7, 5] += 0.01f, "--atol", "0.02")).Succeeded();
    }

    [Fact]
    public async Task A_logit_that_is_no_number_fails()
    {
        using var folder = new TempFolder();
        (await VerifyChanged(folder, tensors => tensors["logits.pose2"][0, 0, 0] = float.NaN, "--atol", "1000")).FailedCheck("differ");
    }

    [Fact]
    public async Task A_pair_needs_both_halves()
    {
        using var folder = new TempFolder();
        (await VerifyChanged(folder, tensors => tensors.Remove("position_ids.pose2")))
            .Complained("changed.safetensors", "logits.pose2 has no position_ids.pose2");
        (await VerifyChanged(folder, tensors => tensors.Remove("logits.pose3"))).Complained("position_ids.pose3 has no logits.pose3");
        (await VerifyChanged(folder, tensors => tensors.Remove("input_ids"))).Complained("tensor input_ids is missing");
        (await VerifyChanged(folder, tensors =>
        {
            foreach (string name in tensors.Keys.Where(name => name != "input_ids").ToArray())
            {
                tensors.Remove(name);
            }
        })).Complained("holds no pair");
    }

    [Fact]
    public async Task Wrong_shapes_and_ids_are_named()
    {
        using var folder = new TempFolder();
        (await VerifyChanged(folder, tensors => tensors["logits.pose2"] = zeros(2, 48, 95)))
            .Complained("logits.pose2", "expected [2, 48, 96], found F32 [2, 48, 95]");
        (await VerifyChanged(folder, tensors => tensors["position_ids.pose2"] = zeros([2, 47], int64)))
            .Complained("position_ids.pose2", "expected [2, 48], found I64 [2, 47]");
        (await VerifyChanged(folder, tensors => tensors["input_ids"][0, 3] = 96))
            .Complained("input_ids", "96 is outside the model's vocabulary (0 to 95)");
        (await VerifyChanged(folder, tensors => tensors["position_ids.pose2"][0, 0] = -1))
            .Complained("position_ids.pose2", "-1 is outside");
        (await VerifyChanged(folder, tensors => tensors["input_ids"] = tensors["input_ids"].to(float32)))
            .Complained("input_ids", "expected I64 [batch, tokens], found F32 [2, 48]");
    }

    private static string Reference(string name) => Fixture.Path(name, "reference.safetensors");

    /// <summary>Verifies llama-linear8 against its reference with a change in it.</summary>
    private static async Task<CliRun> VerifyChanged(TempFolder folder, Action<Dictionary<string, Tensor>> change, params string[] options)
    {
        string changed = folder["changed.safetensors"];
        using (NewDisposeScope())
        using (var reference = Skipwise.Checkpoints.Formats.SafetensorsFile.Open(Reference("llama-linear8")))
        {
            var tensors = reference.Tensors.Values
                .Where(entry => entry.Name == "input_ids" || entry.Name.StartsWith("position_ids.", StringComparison.Ordinal)
                    || entry.Name.StartsWith("logits.", StringComparison.Ordinal))
                .ToDictionary(entry => entry.Name, reference.Read);
            change(tensors);
            Skipwise.Checkpoints.Formats.SafetensorsWriter.Write(changed,
                tensors.Select(tensor => (tensor.Key, tensor.Value, tensor.Value.dtype)));
        }
        return await CliRun.Of(["verify", "--model", Fixture.Path("llama-linear8"), "--reference", changed, .. options]);
    }
}
