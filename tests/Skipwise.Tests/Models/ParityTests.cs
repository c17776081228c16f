using Skipwise.Data;
using Skipwise.Models;
using Skipwise.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Tests.Models;

/// <summary>The model against the numbers of the original's code, at the tolerances of fixtures/README.md.</summary>
public class ParityTests
{
    public static TheoryData<string> All => [.. ParityCase.All];

    [Theory]
    [MemberData(nameof(All))]
    public void Logits_and_loss_are_the_originals(string name)
    {
        using var scope = NewDisposeScope();
        using var reference = new ParityCase(name);
        Tensor ids = reference["input_ids"];
        string[] sets =
            [.. reference.Names.Where(n => n.StartsWith("logits.", StringComparison.Ordinal)).Select(n => n["logits.".Length..])];
        Assert.Contains("contiguous", sets);
        foreach (string positions in sets)
        {
            using (no_grad())
            {
                Tensor logits = reference.Model.Logits(ids, reference[$"position_ids.{positions}"]);
                Assert.InRange(ParityCase.LargestDifference(logits, reference[$"logits.{positions}"]), 0, 1e-4);
            }
            using var batch = TensorBatch.Of(ids, reference[$"position_ids.{positions}"], ids);
            long labels = ids.size(0) * (ids.size(1) - 1);
            double loss = CausalLoss.Backward(reference.Model, batch, labels).ToDouble() / labels;
            Assert.Equal(reference[$"loss64.{positions}"].ToDouble(), loss, 1e-5);
        }
    }

    public static TheoryData<string> Padded => ParityCase.With("padded.loss");

    [Theory]
    [MemberData(nameof(Padded))]
    public void A_padded_batch_has_the_originals_logits_and_loss(string name)
    {
        using var scope = NewDisposeScope();
        using var reference = new ParityCase(name);
        using var batch = TensorBatch.Of(reference["padded.input_ids"], reference["padded.position_ids"], reference["padded.labels"]);
        using (no_grad())
        {
            Tensor logits = reference.Model.Logits(batch.InputIds, batch.PositionIds);
            // Padding comes last, so no text sees it. GPT-J's own logits are those of a token that sees the text alone, Llama's and ours
            // see the padding before it too.
            Tensor mask = reference["padded.attention_mask"],
                real = (name == "gptj-none" ? mask : ones_like(mask)).to(ScalarType.Float32).unsqueeze(-1);
            Assert.InRange(mask.to(ScalarType.Float32).mean().ToDouble(), 0.1, 0.99);
            Assert.InRange(ParityCase.LargestDifference(logits * real, reference["padded.logits"] * real), 0, 1e-4);
        }
        long labels = batch.Labels.numel();
        double loss = CausalLoss.Backward(reference.Model, batch, labels).ToDouble() / labels;
        Assert.Equal(reference["padded.loss"].ToDouble(), loss, 1e-5);
    }

    [Theory]
    [InlineData("llama-dynamic2-over")]
    public void Dynamic_scaling_forgets_the_longest_sequence(string name)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        using var reference = new ParityCase(name);
        reference.Model.Logits(reference["input_ids"], reference["position_ids.contiguous"]); // a longer sequence first
        string ids =
            reference.Names.Single(n => n.StartsWith("short.", StringComparison.Ordinal)
                && n.EndsWith("input_ids", StringComparison.Ordinal));
        Tensor input = reference[ids];
        Tensor positions = arange(input.size(1)).unsqueeze(0);
        Assert.InRange(ParityCase.LargestDifference(reference.Model.Logits(input, positions), reference["short.logits_fresh_model"]), 0,
            1e-4);
    }

    [Theory]
    [InlineData("llama-none"), InlineData("llama-gqa-yarn16-tied"), InlineData("llama-dynamic2-within"), InlineData("gptj-none"),
        InlineData("gptj-linear8")]
    [InlineData("mistral-sliding16"), InlineData("gpt_neox-pct25-parallel"), InlineData("baichuan2-none")]
    public void A_cache_changes_nothing(string name)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        using var reference = new ParityCase(name);
        Tensor ids = reference["input_ids"], positions = reference["position_ids.pose2"];
        int tokens = (int)ids.size(1);
        using var cache = new Skipwise.Models.KvCache(reference.Model.Config, (int)ids.size(0), tokens, ScalarType.Float32, CPU);
        var parts = new List<Tensor>();
        foreach ((int start, int length) in ((int, int)[])[(0, 17), (17, 1), (18, 20), (38, tokens - 38)])
        {
            using var rotary = reference.Model.RotaryFor(positions.narrow(1, start, length), tokens);
            parts.Add(reference.Model.Logits(reference.Model.HiddenStates(ids.narrow(1, start, length), rotary, cache)));
        }
        Assert.InRange(ParityCase.LargestDifference(cat(parts.ToArray(), 1), reference["logits.pose2"]), 0, 1e-4);
    }
}
