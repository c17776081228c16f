using Skipwise.Inference;
using Skipwise.Models;
using Skipwise.Rope;
using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Tests.Inference;

public sealed class TextGeneratorTests
{
    public static TheoryData<string> Generated => ParityCase.With("gen.tokens");

    [Theory]
    [MemberData(nameof(Generated))]
    public void Greedy_tokens_are_those_of_the_original_whatever_the_chunk(string name)
    {
        using var reference = new ParityCase(name);
        int[] prompt = reference.Ids("gen.prompt"), expected = reference.Ids("gen.tokens");
        foreach (int chunk in (int[])[1, 7, 29, 512])
        {
            Assert.Equal(expected, GenerateAtOriginalPositions(reference.Model, prompt, expected.Length, chunk));
        }
    }

    [Theory]
    [InlineData("llama-none")]
    [InlineData("llama-yarn16")]
    [InlineData("llama-dynamic2-over")]
    [InlineData("gptj-yarn16")]
    [InlineData("mistral-sliding16")]
    [InlineData("gpt_neox-pct25-parallel")]
    public void Greedy_tokens_are_those_of_rereading_the_whole_text_for_each(string name)
    {
        using var reference = new ParityCase(name);
        var text = new List<int>(TinyModel.Tokens(5, 25, vocabulary: 96));
        const int count = 12;
        foreach (int chunk in (int[])[1, 7, 24, 512])
        {
            int[] generated =
                TextGenerator.Generate(reference.Model, [.. text], new GenerationOptions { MaxNewTokens = count, PrefillChunk = chunk });
            Assert.Equal(NaiveGreedy(reference.Model, text, count), generated);
        }
    }

    [Theory]
    [InlineData("llama-gqa-linear8")]
    [InlineData("llama-yarn16")]
    [InlineData("llama-dynamic2-over")]
    public void Reading_through_a_cache_in_chunks_gives_the_logits_of_one_forward(string name)
    {
        using var reference = new ParityCase(name);
        using Tensor ids = reference["input_ids"], expected = reference["logits.contiguous"];
        foreach (int chunk in (int[])[1, 5, 16, 47])
        {
            using Tensor cached = ReadLogits(reference.Model, ids, chunk);
            using Tensor whole = ReadLogits(reference.Model, ids, chunk: 0);
            Assert.True(allclose(cached, whole, rtol: 0, atol: 1e-5), $"chunk {chunk}");
            Assert.True(allclose(cached, expected, rtol: 0, atol: 1e-4), $"chunk {chunk} against the original");
        }
    }

    [Fact]
    public void A_long_sequence_leaves_no_trace_in_a_rotation_that_depends_on_the_length()
    {
        using var reference = new ParityCase("llama-dynamic2-over");
        using Tensor longer = reference["input_ids"], ids = reference["short.input_ids"], expected = reference["short.logits_fresh_model"];
        using Tensor first = ReadLogits(reference.Model, longer, chunk: 9);
        using Tensor after = ReadLogits(reference.Model, ids, chunk: 9);
        Assert.True(allclose(after, expected, rtol: 0, atol: 1e-4));
    }

    /// <summary>
    /// The original window is crossed on the way, at once, or never: a token is what the text before it asks for, not the limit.
    /// </summary>
    [Theory]
    [InlineData(RopeType.DynamicNtk, 10), InlineData(RopeType.DynamicNtk, 30), InlineData(RopeType.LongRope, 10),
        InlineData(RopeType.LongRope, 30), InlineData(RopeType.LongRope, 16)]
    public void The_limit_does_not_change_the_tokens_before_it(RopeType type, int promptLength)
    {
        const int longest = 24;
        using CausalLM model = TinyModel.Create(rope: TinyModel.Rope(type, original: 16));
        int[][] prompts = [.. Enumerable.Range(0, 3).Select(i => TinyModel.Tokens((ulong)i, promptLength)), TinyModel.Tokens(0, 5)];
        int[][] expected = [.. prompts.Select(prompt => NaiveGreedy(model, [.. prompt], longest).ToArray())];
        using var prefixes = new PrefixCache(model, together: 12);
        foreach (int limit in (int[])[1, 6, 7, longest])
        {
            var options = new GenerationOptions { MaxNewTokens = limit, PrefillChunk = 7 };
            Assert.Equal(expected.Select(tokens => tokens[..limit]), TextGenerator.Generate(model, prompts, options));
            Assert.Equal(expected.Select(tokens => tokens[..limit]), TextGenerator.Generate(model, prompts, options, prefixes: prefixes));
        }
        int stop = expected[0][2]; // one text ends early, the others go on over the window's end
        int[][] stopped = TextGenerator.Generate(model, prompts, new GenerationOptions { MaxNewTokens = longest, StopTokens = [stop] });
        Assert.Equal(expected.Select(tokens => tokens.TakeWhile(id => id != stop)), stopped);
    }

    [Fact]
    public void A_text_does_not_depend_on_the_others_in_its_batch()
    {
        using CausalLM model = TinyModel.Create();
        int[][] prompts = [.. Enumerable.Range(0, 9).Select(i => TinyModel.Tokens((ulong)i, 3 + i % 3))];
        foreach (double temperature in (double[])[0, 0.8])
        {
            var options = new GenerationOptions { MaxNewTokens = 12, Temperature = temperature, TopK = 20, TopP = 0.9, Seed = 5 };
            int[][] together = TextGenerator.Generate(model, prompts, options);
            for (int i = 0; i < prompts.Length; i++)
            {
                // The draws belong to the prompt's place: fill the places before it with another length.
                int[][] alone = [.. Enumerable.Repeat(new[] { 2 }, i), prompts[i]];
                Assert.Equal(TextGenerator.Generate(model, alone, options)[i], together[i]);
            }
        }
    }

    [Fact]
    public void A_stop_token_ends_its_own_text_only_and_every_token_is_streamed()
    {
        using CausalLM model = TinyModel.Create();
        int[][] prompts = [TinyModel.Tokens(1, 6), TinyModel.Tokens(2, 6)];
        var options = new GenerationOptions { MaxNewTokens = 20, Temperature = 1.5 };
        int[][] free = TextGenerator.Generate(model, prompts, options);
        int stop = free[0].Skip(3).First(id => !free[1].Contains(id));
        var streamed = new List<int>[] { [], [] };
        int[][] stopped = TextGenerator.Generate(model, prompts, options with { StopTokens = [stop] }, (row, id) => streamed[row].Add(id));
        Assert.Equal(free[0].TakeWhile(id => id != stop), stopped[0]);
        Assert.Equal(free[1], stopped[1]);
        Assert.Equal(stopped, streamed.Select(ids => ids.ToArray()));
    }

    /// <summary>Grouped heads, GPT-J, a sliding window, a rotation that changes on the way: texts leave the batch at different
    /// steps.</summary>
    [Theory]
    [InlineData("llama-gqa-linear8", 0), InlineData("llama-gqa-linear8", 0.9), InlineData("gptj-yarn16", 0), InlineData("gptj-yarn16", 0.9)]
    [InlineData("mistral-sliding16", 0), InlineData("mistral-sliding16", 0.9), InlineData("longrope", 0), InlineData("longrope", 0.9)]
    public void A_batch_that_texts_leave_gives_the_tokens_of_each_alone(string name, double temperature)
    {
        const int count = 6, length = 11;
        using ParityCase? reference = name == "longrope" ? null : new ParityCase(name);
        using CausalLM? tiny = reference is null ? TinyModel.Create(rope: TinyModel.Rope(RopeType.LongRope, original: 16)) : null;
        CausalLM model = reference?.Model ?? tiny!;
        int[][] prompts = [.. Enumerable.Range(0, count).Select(i => TinyModel.Tokens((ulong)i, length))];
        var options = new GenerationOptions { MaxNewTokens = 14, Temperature = temperature, TopK = 30, TopP = 0.95, Seed = 2 };
        // The draws belong to the prompt's place: the places before it are filled with another length.
        int[][] free = [.. prompts.Select((prompt, i) =>
            TextGenerator.Generate(model, [.. Enumerable.Repeat(new[] { 2 }, i), prompt], options)[i])];
        options = options with { StopTokens = [free[0][1], free[2][4], free[4][9]] };
        int[][] expected = [.. free.Select(text => text.TakeWhile(id => !options.StopTokens.Contains(id)).ToArray())];
        Assert.True(expected.Select(text => text.Length).Distinct().Count() > 2);

        List<int>[] streamed = [.. prompts.Select(_ => new List<int>())];
        Assert.Equal(expected, TextGenerator.Generate(model, prompts, options, (row, id) => streamed[row].Add(id)));
        Assert.Equal(expected, streamed.Select(text => text.ToArray()));
        using var prefixes = new PrefixCache(model, together: 5);
        Assert.Equal(expected, TextGenerator.Generate(model, prompts, options, prefixes: prefixes));
    }

    /// <summary>Where every step reads its texts again, the tokens read show which texts are computed.</summary>
    [Fact]
    public void A_text_that_has_ended_is_not_computed()
    {
        using CausalLM model = TinyModel.Create(rope: TinyModel.Rope(RopeType.DynamicNtk, original: 16));
        const int length = 20, steps = 10;
        int[][] prompts = [.. Enumerable.Range(0, 4).Select(i => (int[])[10 + i, .. TinyModel.Tokens((ulong)i, length - 1)])];
        int[][] free = TextGenerator.Generate(model, prompts, new() { MaxNewTokens = steps });
        using var prefixes = new PrefixCache(model, together: 0);
        int[][] found = TextGenerator.Generate(model, prompts, new() { MaxNewTokens = steps, StopTokens = [free[1][2]] },
            prefixes: prefixes);
        Assert.Equal(free.Select(text => text.TakeWhile(id => id != free[1][2])), found);
        Assert.Equal(2, found[1].Length);
        // the step after a text's last token computes the one that ends it
        Assert.Equal(found.Sum(text => Enumerable.Range(length, Math.Min(text.Length + 1, steps)).Sum()), prefixes.TokensProcessed);
    }

    [Fact]
    public void A_seed_repeats_a_text_and_another_seed_gives_another()
    {
        using CausalLM model = TinyModel.Create();
        int[] Draw(ulong seed) =>
            TextGenerator.Generate(model, TinyModel.Tokens(1, 4),
                new GenerationOptions { MaxNewTokens = 16, Temperature = 2, Seed = seed });
        Assert.Equal(Draw(1), Draw(1));
        Assert.NotEqual(Draw(1), Draw(2));
    }

    [Fact]
    public void Tokens_of_another_vocabulary_and_empty_prompts_are_refused()
    {
        using CausalLM model = TinyModel.Create();
        string foreign = Assert.Throws<SkipwiseException>(() => TextGenerator.Generate(model, [3, 50], new GenerationOptions())).Message;
        Assert.Contains("50 ids", foreign);
        Assert.Throws<SkipwiseException>(() => TextGenerator.Generate(model, Array.Empty<int>(), new GenerationOptions()));
        string settings =
            Assert.Throws<SkipwiseException>(() =>
                TextGenerator.Generate(model, [3], new GenerationOptions { TopP = 0, MaxNewTokens = 0 })).Message;
        Assert.Contains("GenerationOptions.TopP", settings);
        Assert.Contains("GenerationOptions.MaxNewTokens", settings);
    }

    [Fact]
    public void Generating_leaves_no_tensors_behind()
    {
        using CausalLM model = TinyModel.Create();
        long Live()
        {
            TextGenerator.Generate(model, TinyModel.Tokens(1, 20), new GenerationOptions { MaxNewTokens = 5, PrefillChunk = 8 });
            return DisposeScopeManager.Statistics.ThreadTotalLiveCount;
        }
        Live();
        Assert.Equal(Live(), Live());
    }

    [Fact]
    public void A_cancelled_generation_stops()
    {
        using CausalLM model = TinyModel.Create();
        using var source = new CancellationTokenSource();
        var seen = new List<int>();
        Assert.ThrowsAny<OperationCanceledException>(() => TextGenerator.Generate(model, [3], new GenerationOptions(), id =>
        {
            seen.Add(id);
            source.Cancel();
        }, source.Token));
        Assert.Single(seen);
    }

    /// <summary>All logits [B, T, V]; chunk 0 reads everything in one forward without a cache.</summary>
    private static Tensor ReadLogits(CausalLM model, Tensor ids, int chunk)
    {
        using var scope = NewDisposeScope();
        int length = (int)ids.size(1);
        using KvCache? cache = chunk == 0 ? null : new KvCache(model.Config, (int)ids.size(0), length, model.Dtype, model.Device);
        Tensor logits = empty([ids.size(0), length, model.Config.VocabSize]);
        Prefill.Run(model, ids, Prefill.Positions(0, length, CPU), cache, length, Math.Max(1, chunk),
            (offset, hidden) => logits.narrow(1, offset, hidden.size(1)).copy_(model.Logits(hidden)));
        return logits.MoveToOuterDisposeScope();
    }

    /// <summary>
    /// The original's generate() takes the padding id, where a model has one, for padding also inside a prompt: such a token stands at
    /// position 1 and the others are numbered without it. It stays visible, since the original's Llama attention ignores its mask.
    /// </summary>
    private static List<int> GenerateAtOriginalPositions(CausalLM model, int[] prompt, int count, int chunk)
    {
        using var scope = NewDisposeScope();
        using var cache = new KvCache(model.Config, 1, prompt.Length + count, model.Dtype, model.Device);
        var generated = new List<int>();
        int next = 0;
        int[] fresh = prompt;
        while (generated.Count < count)
        {
            long[] positions = [.. fresh.Select(id => id == model.Config.PadTokenId ? 1L : next++)];
            Tensor ids = tensor(fresh.Select(id => (long)id).ToArray()).unsqueeze(0), positionIds = tensor(positions).unsqueeze(0);
            int best = -1;
            Prefill.Run(model, ids, positionIds, cache, cache.Capacity, chunk,
                (_, hidden) => best = (int)model.Logits(hidden)[0, -1].argmax().item<long>());
            generated.Add(best);
            fresh = [best];
        }
        return generated;
    }

    /// <summary>
    /// One forward over the whole text for each token, without a cache, rotated for the length that the text has by then.
    /// </summary>
    private static List<int> NaiveGreedy(CausalLM model, List<int> prompt, int count)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        var text = new List<int>(prompt);
        while (text.Count < prompt.Count + count)
        {
            Tensor ids = tensor(text.Select(id => (long)id).ToArray()).unsqueeze(0);
            using Rotary rotary = model.RotaryFor(arange(text.Count, dtype: ScalarType.Int64).unsqueeze(0), text.Count);
            text.Add((int)model.Logits(model.HiddenStates(ids, rotary))[0, -1].argmax().item<long>());
        }
        return text[prompt.Count..];
    }
}
