using CsCheck;
using Skipwise.Evaluation.Scoring;
using Skipwise.Inference;
using Skipwise.Kernels;
using Skipwise.Models;
using Skipwise.Models.Lora;
using Skipwise.Rope;
using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Tests.Inference;

/// <summary>Prompts of any lengths together, against <see cref="TextGenerator"/>, which computes every token by the model's own
/// forward.</summary>
public sealed class EngineBatchTests
{
    private static readonly GenerationOptions s_options = new() { MaxNewTokens = 9, StopTokens = [7, 11, 30] };

    /// <summary>Prompts that part from a common text, some of them equal; read in pages and in parts of pages, one by one or
    /// together.</summary>
    [Fact]
    public void Texts_are_those_of_forwards_without_pages_whatever_was_read_before() =>
        Gen.Select(Gen.Select(Gen.Int[1, 700], Gen.Int[0, 700]).Array[1, 8], Gen.Int[1, 300], Gen.Bool, Gen.UInt)
        .Sample((cuts, chunk, isDrawn, seed) =>
        {
            using CausalLM model = TinyModel.Create(initializerRange: 0.4);
            int[] text = TinyModel.Tokens(seed, 700);
            int[][] prompts =
            [
                .. cuts.Select((cut, i) => (Shared: Math.Min(cut.Item1, cut.Item2), Length: cut.Item1, Own: seed + (ulong)(i / 2)))
                    .Select(cut => (int[])[.. text[..cut.Shared], .. TinyModel.Tokens(cut.Own, cut.Length - cut.Shared)]),
            ];
            GenerationOptions options = s_options with { PrefillChunk = chunk, Temperature = isDrawn ? 0.8 : 0, Seed = seed };
            int[][] expected = TextGenerator.Generate(model, prompts, options);
            using EngineBatch batch = EngineBatch.TryCreate(model)!;
            Assert.Equal(expected, batch.Generate(prompts, options, default));
            Assert.Equal(expected, batch.Generate(prompts, options, default));
            Assert.InRange(batch.PagesInUse, 1, KvPageLayout.PagesFor(700)); // of the last prefix alone
            Assert.InRange(batch.Prefixes.TokensProcessed, 1, 2 * prompts.Sum(prompt => (long)prompt.Length));
        }, iter: 30, threads: 1);

    [Theory]
    [InlineData("gptj-yarn16"), InlineData("mistral-sliding16"), InlineData("gpt_neox-pct25-parallel"), InlineData("llama-gqa-linear8")]
    public void Families_give_their_own_texts(string name)
    {
        using var reference = new ParityCase(name);
        int[][] prompts = [.. Enumerable.Range(0, 5).Select(i => TinyModel.Tokens((ulong)i, 11 + (7 * (i / 2))))];
        using EngineBatch batch = EngineBatch.TryCreate(reference.Model)!;
        Assert.Equal(TextGenerator.Generate(reference.Model, prompts, s_options), batch.Generate(prompts, s_options, default));
    }

    [Fact]
    public void What_ends_with_an_error_gives_its_pages_back_and_the_next_prompts_are_answered()
    {
        using CausalLM model = TinyModel.Create(initializerRange: 0.4);
        int[][] prompts = [TinyModel.Tokens(1, 300), TinyModel.Tokens(2, 300), TinyModel.Tokens(3, 20)];
        GenerationOptions options = s_options with { StopTokens = [] };
        int[][] expected = TextGenerator.Generate(model, prompts, options);
        using EngineBatch batch = EngineBatch.TryCreate(model)!;
        using var stop = new CancellationTokenSource();
        stop.Cancel();
        Assert.ThrowsAny<OperationCanceledException>(() => batch.Generate(prompts, options, stop.Token));
        Assert.Equal(0, batch.PagesInUse);
        Assert.Contains("50 ids", Assert.Throws<SkipwiseException>(() => batch.Generate([.. prompts, [3, 50]], options, default)).Message,
            StringComparison.Ordinal);
        Assert.Equal(1, batch.PagesInUse); // of the cached prefix
        Assert.Equal(expected, batch.Generate(prompts, options, default));

        using Tensor head = model.HeadWeight.detach().clone();
        using (no_grad())
        {
            model.HeadWeight.fill_(float.NaN);
            Assert.Contains("holds NaN", Assert.Throws<SkipwiseException>(() => batch.Generate(prompts, options, default)).Message,
                StringComparison.Ordinal);
            model.HeadWeight.copy_(head);
        }
        Assert.Equal(1, batch.PagesInUse); // of the last prompt, which was read whole
        Assert.Equal(expected, batch.Generate(prompts, options, default));
    }

    /// <summary>A token whose embedding is NaN is met in a decode step, not in a prompt.</summary>
    [Fact]
    public void A_decode_step_that_is_not_finite_is_an_error()
    {
        using CausalLM model = TinyModel.Create(initializerRange: 0.4);
        int[] prompt = TinyModel.Tokens(1, 30);
        GenerationOptions options = s_options with { StopTokens = [] };
        int first = TextGenerator.Generate(model, prompt, options)[0];
        int[] before = [.. prompt.Select(id => id == first ? 2 : id)];
        int next = TextGenerator.Generate(model, before, options)[0];
        Assert.DoesNotContain(next, before);
        using (no_grad())
        {
            model.Decoder.Embedding.weight[next].fill_(float.NaN);
        }
        using EngineBatch batch = EngineBatch.TryCreate(model)!;
        Assert.Contains("holds NaN", Assert.Throws<SkipwiseException>(() => batch.Generate([before], options, default)).Message,
            StringComparison.Ordinal);
        Assert.Equal(1, batch.PagesInUse);
    }

    [Fact]
    public void Batches_leave_no_tensors_behind()
    {
        using CausalLM model = TinyModel.Create();
        int[][] prompts = [TinyModel.Tokens(1, 300), TinyModel.Tokens(2, 30), TinyModel.Tokens(3, 30)];
        using EngineBatch batch = EngineBatch.TryCreate(model)!;
        long Live()
        {
            batch.Generate(prompts, s_options, default);
            return DisposeScopeManager.Statistics.ThreadTotalLiveCount;
        }
        Live();
        Assert.Equal(Live(), Live());
    }

    /// <summary>An adapter that is not merged, and rotations that change within a text, take the other way; longrope beyond its window does
    /// not.</summary>
    [Theory]
    [InlineData(RopeType.Default, true), InlineData(RopeType.DynamicNtk, false), InlineData(RopeType.LongRope, false)]
    public void Every_model_is_answered(RopeType type, bool hasAdapter)
    {
        using CausalLM model = TinyModel.Create(rope: type == RopeType.Default ? null : TinyModel.Rope(type, 16), initializerRange: 0.4);
        if (hasAdapter)
        {
            LoraInjector.Apply(model, new LoraOptions { Rank = 2 }, seed: 1);
            Assert.Null(EngineBatch.TryCreate(model));
        }
        int[][] prompts = [.. Enumerable.Range(0, 9).Select(i => TinyModel.Tokens((ulong)(i / 2), 10 + (5 * (i / 3))))];
        int[][] expected = TextGenerator.Generate(model, prompts, s_options);
        using var lm = new EvaluationLM(model, batchSize: 4);
        foreach (int[] rows in (int[][])[[.. Enumerable.Range(0, 9)], [.. Enumerable.Range(3, 6)]]) // of 10 tokens, which cross 16, and not
        {
            (int Index, int[] Answer)[] answers =
                [.. lm.GenerateUntil([.. rows.Select(i => prompts[i])], s_options.MaxNewTokens, s_options.StopTokens)];
            Assert.Equal(rows.Length, answers.Select(answer => answer.Index).Distinct().Count());
            Assert.All(answers, answer => Assert.Equal(expected[rows[answer.Index]], answer.Answer));
        }
    }

    /// <summary>A program's own views of the weights stay valid: only an engine that serves moves them.</summary>
    [Fact]
    public void The_weights_of_a_large_model_stay_where_they_are()
    {
        using CausalLM model = TinyModel.Create(vocabulary: 700_000);
        using TensorPointers pointers = new();
        nint before = pointers.Address(model.HeadWeight);
        using EngineBatch batch = EngineBatch.TryCreate(model)!;
        Assert.Equal(before, pointers.Address(model.HeadWeight));
    }
}
