using Skipwise.Inference;
using Skipwise.Models;
using Skipwise.Rope;
using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Tests.Inference;

/// <summary>Requests together, alone, and against <see cref="TextGenerator"/>.</summary>
public sealed class InferenceEngineTests
{
    private const int NewTokens = 12;
    private static readonly int[] s_lengths = [5, 700, 255, 256, 1, 513, 40, 300];

    private static int[][] Prompts => [.. s_lengths.Select((length, i) => TinyModel.Tokens((ulong)i + 1, length))];

    public static TheoryData<RopeType, int> Scalings => new()
    {
        { RopeType.Default, 128 }, { RopeType.Yarn, 128 }, { RopeType.DynamicNtk, 250 }, { RopeType.DynamicNtk, 4000 },
        { RopeType.LongRope, 260 },
    };

    /// <summary>The lists of longrope change at 260 tokens, within a text; dynamic NTK turns every token beyond 250.</summary>
    [Theory]
    [MemberData(nameof(Scalings))]
    public async Task Texts_are_those_of_one_after_another(RopeType type, int original)
    {
        using CausalLM model = TinyModel.Create(rope: TinyModel.Rope(type, original), initializerRange: 0.3);
        GenerationOptions options = new() { MaxNewTokens = NewTokens, PrefillChunk = KvPageLayout.PageTokens };
        int[][] expected = [.. Prompts.Select(prompt => TextGenerator.Generate(model, prompt, options))];
        using var engine = new InferenceEngine(model, new() { MaxBatchSize = 5 });
        GeneratedToken[][] texts = await All(engine, Prompts.Select(prompt => Request(prompt)));
        Assert.Equal(expected, texts.Select(text => text.Select(token => token.Id).ToArray()));
        Assert.All(texts, text => Assert.Equal(FinishReason.Length, text[^1].Finish));
    }

    /// <summary>Alone, in batches, after others with the same beginning, and with too little memory for all at once.</summary>
    [Theory]
    [InlineData(RopeType.Default, KvCacheType.Auto)]
    [InlineData(RopeType.LongRope, KvCacheType.Auto)]
    [InlineData(RopeType.LongRope, KvCacheType.Int8)]
    public async Task A_text_and_its_scores_are_the_same_to_the_bit_whatever_else_is_computed(RopeType type, KvCacheType cache)
    {
        using CausalLM model = TinyModel.Create(rope: TinyModel.Rope(type, 260),
            change: config => cache == KvCacheType.Int8 ? config with { HeadDim = 32, RotaryDim = 8 } : config);
        GenerationRequest[] requests = [.. Prompts.Select(prompt => Request(prompt, temperature: 1.2))];
        var alone = new List<GeneratedToken[]>();
        foreach (GenerationRequest request in requests)
        {
            using var single = new InferenceEngine(model, new() { CacheType = cache });
            alone.AddRange(await All(single, [request]));
        }
        using var engine = new InferenceEngine(model, new() { CacheType = cache });
        AssertSame(alone, await All(engine, requests));
        AssertSame(alone, await All(engine, requests));
        AssertSame(alone.AsEnumerable().Reverse(), await All(engine, requests.Reverse()));
        Assert.True(engine.Statistics.CachedTokens >= 2 * (512 + 512 + 256));

        long page = KvPageLayout.Of(model.Config, cache, model.Dtype).PageBytes;
        using var small = new InferenceEngine(model, new() { CacheBytes = 4 * page, CacheType = cache });
        AssertSame(alone, await All(small, requests));
        Assert.True(small.Statistics.CacheBytes <= 4 * page);
    }

    [Fact]
    public async Task A_text_gives_up_its_pages_to_earlier_ones_and_is_computed_again()
    {
        using CausalLM model = TinyModel.Create();
        int[][] prompts = [TinyModel.Tokens(1, 250), TinyModel.Tokens(2, 250), TinyModel.Tokens(3, 250)];
        GenerationRequest[] requests = [.. prompts.Select(prompt => Request(prompt, newTokens: 30))];
        using var large = new InferenceEngine(model);
        GeneratedToken[][] expected = await All(large, requests);
        long page = new KvPageLayout(model.Config, model.Dtype).PageBytes;
        using var small = new InferenceEngine(model, new() { CacheBytes = 3 * page });
        AssertSame(expected, await All(small, requests));
        Assert.InRange(small.Statistics.Preemptions, 1, 10);
        Assert.Equal(0, large.Statistics.Preemptions);
    }

    [Fact]
    public async Task A_prompt_that_was_read_before_is_not_read_again()
    {
        using CausalLM model = TinyModel.Create();
        int[] document = TinyModel.Tokens(1, 1024);
        using var engine = new InferenceEngine(model);
        await All(engine, [Request([.. document, 3, 4])]);
        var read = new List<int>();
        Generation second = engine.Submit(Request([.. document, 5, 6, 7]) with { PromptProgress = new SynchronousProgress<int>(read.Add) });
        int[] text = [.. (await Read(second)).Select(token => token.Id)];
        Assert.Equal(1024, second.CachedTokens);
        Assert.Equal([1027], read);
        Assert.Equal(
            TextGenerator.Generate(model, [.. document, 5, 6, 7], new() { MaxNewTokens = NewTokens, PrefillChunk = 256 }), text);
        Generation same = engine.Submit(Request(document)); // its last token has to be computed
        await Read(same);
        Assert.Equal(768, same.CachedTokens);
    }

    [Fact]
    public async Task Equal_prompts_at_the_same_time_are_read_once()
    {
        using CausalLM model = TinyModel.Create();
        int[] document = TinyModel.Tokens(1, 2000);
        GeneratedToken[] alone = (await Single(model, [.. document, 5]))[0];
        using var engine = new InferenceEngine(model);
        GeneratedToken[][] texts = await All(engine, [.. Enumerable.Repeat(Request([.. document, 5]), 6), Request([.. document, 6])]);
        AssertSame(Enumerable.Repeat(alone, 6), texts[..6]);
        long page = new KvPageLayout(model.Config, model.Dtype).PageBytes;
        Assert.InRange(engine.Statistics.CacheBytes / page, 8, 7 + 7 + 7); // whole pages once, the last of each, those read side by side
    }

    [Fact]
    public async Task A_short_prompt_does_not_wait_for_a_long_one()
    {
        using CausalLM model = TinyModel.Create();
        using var engine = new InferenceEngine(model);
        int read = 0;
        Generation longer = engine.Submit(Request(TinyModel.Tokens(1, 60_000)) with
        {
            PromptProgress = new SynchronousProgress<int>(tokens => read = tokens),
        });
        Generation shorter = engine.Submit(Request(TinyModel.Tokens(2, 300)));
        await Read(shorter);
        Assert.InRange(read, 0, 59_999);
        await Read(longer);
        Assert.Equal(60_000, read);
    }

    /// <summary>What is kept of the prompt is more than half of the memory, and a prompt that is scored reads all of it anew.</summary>
    [Fact]
    public async Task A_long_prompt_is_scored_twice()
    {
        using CausalLM model = TinyModel.Create();
        long page = new KvPageLayout(model.Config, model.Dtype).PageBytes;
        using var engine = new InferenceEngine(model, new() { CacheBytes = 7 * page });
        GenerationRequest request = Request(TinyModel.Tokens(1, 1400)) with { ScoresPrompt = true };
        Generation first = engine.Submit(request), second = engine.Submit(request);
        AssertSame([await Read(first)], [await Read(second)]);
        Assert.Equal(first.PromptScores.Select(score => score.LogProbability), second.PromptScores.Select(score => score.LogProbability));
        Assert.Equal(1399, second.PromptScores.Count);
    }

    [Fact]
    public async Task Prefixes_that_no_text_uses_give_way_the_oldest_first()
    {
        using CausalLM model = TinyModel.Create();
        long page = new KvPageLayout(model.Config, model.Dtype).PageBytes;
        using var engine = new InferenceEngine(model, new() { CacheBytes = 5 * page });
        int[] old = TinyModel.Tokens(1, 513), young = TinyModel.Tokens(2, 513);
        async Task<int> CachedOf(int[] prompt)
        {
            Generation generation = engine.Submit(Request(prompt));
            await Read(generation);
            return generation.CachedTokens;
        }
        Assert.Equal(0, await CachedOf(old));
        Assert.Equal(0, await CachedOf(young));
        Assert.Equal(512, await CachedOf(young));
        Assert.Equal(0, await CachedOf(TinyModel.Tokens(3, 513))); // takes the pages of the oldest
        Assert.Equal(512, await CachedOf(young));
        Assert.Equal(0, await CachedOf(old));
    }

    [Fact]
    public async Task Scores_are_log_probabilities_of_one_forward()
    {
        using CausalLM model = TinyModel.Create();
        int[] prompt = TinyModel.Tokens(4, 600);
        using var engine = new InferenceEngine(model);
        Generation generation = engine.Submit(Request(prompt) with { ScoresPrompt = true, TopLogProbabilities = 3 });
        GeneratedToken[] text = await Read(generation);
        int[] all = [.. prompt, .. text.Select(token => token.Id)];
        using var scope = NewDisposeScope();
        using IDisposable noGradient = no_grad();
        Tensor ids = tensor(all.Select(id => (long)id).ToArray()).unsqueeze(0);
        Tensor expected = model.Logits(ids, arange(all.Length).unsqueeze(0))[0].log_softmax(-1);
        TokenScore[] scores = [.. generation.PromptScores, .. text.Select(token => token.Score!)];
        Assert.Equal(all[1..], scores.Select(score => score.Id));
        for (int i = 0; i < scores.Length; i++)
        {
            Assert.Equal(expected[i, all[i + 1]].item<float>(), scores[i].LogProbability, 1e-4);
            (Tensor values, Tensor best) = expected[i].topk(3);
            Assert.Equal(best.data<long>().ToArray(), scores[i].Top.Select(top => (long)top.Id));
            Assert.All(scores[i].Top, (top, rank) => Assert.Equal(values[rank].item<float>(), top.LogProbability, 1e-4));
        }
        Assert.All(text, token => Assert.Equal(token.Score!.Top[0].LogProbability, token.Score.LogProbability)); // greedy
    }

    [Fact]
    public async Task Each_text_has_its_own_sampling()
    {
        using CausalLM model = TinyModel.Create();
        int[] prompt = TinyModel.Tokens(4, 9);
        using var engine = new InferenceEngine(model);
        GenerationRequest draw = Request(prompt, temperature: 3);
        GeneratedToken[][] texts = await All(engine,
        [
            draw, draw, draw with { Index = 1 }, draw with { Options = draw.Options with { Seed = 9 } },
            Request(prompt) with { Options = new() { MaxNewTokens = 5, LogitBias = new Dictionary<int, double> { [17] = 1e6f } } },
        ]);
        string[] ids = [.. texts.Select(text => string.Join(' ', text.Select(token => token.Id)))];
        Assert.Equal(ids[0], ids[1]);
        Assert.Equal(3, ids[..4].Distinct().Count());
        Assert.Equal("17 17 17 17 17", ids[4]);
        Assert.Equal(ids[0], string.Join(' ', TextGenerator.Generate(model, prompt, draw.Options)));
    }

    [Fact]
    public async Task A_stop_token_ends_a_text()
    {
        using CausalLM model = TinyModel.Create();
        int[] prompt = TinyModel.Tokens(4, 9);
        using var engine = new InferenceEngine(model);
        int[] whole = [.. (await All(engine, [Request(prompt)]))[0].Select(token => token.Id)];
        int stop = whole[4], first = Array.IndexOf(whole, stop);
        GeneratedToken[] text = (await All(engine,
            [Request(prompt) with { Options = new() { MaxNewTokens = NewTokens, StopTokens = [1, stop] } }]))[0];
        Assert.Equal(whole[..(first + 1)], text.Select(token => token.Id));
        Assert.Equal(FinishReason.Stop, text[^1].Finish);
        Assert.All(text[..^1], token => Assert.Null(token.Finish));
    }

    [Fact]
    public async Task A_cancelled_text_ends_and_frees_its_memory()
    {
        using CausalLM model = TinyModel.Create();
        using var engine = new InferenceEngine(model, new() { MaxBatchSize = 1 });
        using var cancel = new CancellationTokenSource();
        GenerationRequest endless = Request(TinyModel.Tokens(1, 20), newTokens: 200_000);
        Generation running = engine.Submit(endless, cancel.Token), waiting = engine.Submit(endless, cancel.Token);
        await foreach (GeneratedToken _ in running.ReadTokens())
        {
            await cancel.CancelAsync();
            break;
        }
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => Read(waiting));
        Generation left = engine.Submit(endless); // whose reader goes away
        await foreach (GeneratedToken _ in left.ReadTokens())
        {
            break;
        }
        Assert.Equal(NewTokens, (await Read(engine.Submit(Request(TinyModel.Tokens(2, 20))))).Length);
        Assert.Equal((0, 0, 0L), (engine.Statistics.Running, engine.Statistics.Waiting, engine.Statistics.CacheBytesInUse));
    }

    [Fact]
    public async Task An_error_ends_the_texts_that_it_meets()
    {
        using CausalLM model = TinyModel.Create();
        using var engine = new InferenceEngine(model);
        await Read(engine.Submit(Request([5])));
        using (no_grad())
        {
            model.get_parameter("model.norm.weight")!.fill_(double.NaN);
        }
        var error = await Assert.ThrowsAsync<SkipwiseException>(() => Read(engine.Submit(Request([5]))));
        Assert.Contains("model.norm.weight", error.Message, StringComparison.Ordinal);
        using (no_grad())
        {
            model.get_parameter("model.norm.weight")!.fill_(1);
        }
        Assert.Equal(NewTokens, (await Read(engine.Submit(Request([5])))).Length);
    }

    [Fact]
    public void Impossible_requests_are_refused_at_once()
    {
        using CausalLM model = TinyModel.Create();
        long page = new KvPageLayout(model.Config, model.Dtype).PageBytes;
        using var engine = new InferenceEngine(model, new() { CacheBytes = 2 * page, MaxBatchSize = 1, MaxQueueLength = 1 });
        string Refusal(GenerationRequest request) => Assert.Throws<SkipwiseException>(() => engine.Submit(request)).Message;
        Assert.Contains("prompt is empty", Refusal(Request([])), StringComparison.Ordinal);
        Assert.Contains("id 50", Refusal(Request([50])), StringComparison.Ordinal);
        Assert.Contains("there is memory for 512", Refusal(Request(TinyModel.Tokens(1, 510))), StringComparison.Ordinal);
        Assert.Contains("token 51", Refusal(Request([5]) with { Options = new() { LogitBias = new Dictionary<int, double> { [51] = 1 } } }),
            StringComparison.Ordinal);
        GenerationRequest longer = Request([5], newTokens: 500);
        Assert.Throws<SkipwiseException>(() =>
        {
            for (int i = 0; i < 3; i++)
            {
                engine.Submit(longer);
            }
        });
    }

    [Fact]
    public void Heads_that_are_no_whole_blocks_have_no_cache_of_8_bits()
    {
        using CausalLM model = TinyModel.Create();
        Assert.Contains("CacheType is Int8, which takes blocks of 32 dimensions, and this model's heads have 8; store 16 bits instead.",
            Assert.Throws<SkipwiseException>(() => new InferenceEngine(model, new() { CacheType = KvCacheType.Int8 })).Message,
            StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(KvCacheType.Bfloat16, 0.3)]
    [InlineData(KvCacheType.Float16, 0.03)]
    [InlineData(KvCacheType.Int8, 0.3)]
    public async Task A_smaller_cache_rounds_keys_and_values(KvCacheType type, double most)
    {
        using CausalLM model = TinyModel.Create(initializerRange: 0.3, change: config => config with { HeadDim = 32 });
        GenerationRequest request = Request(TinyModel.Tokens(1, 600), newTokens: 1) with { TopLogProbabilities = TinyModel.Vocabulary };
        using InferenceEngine exact = new(model), rounded = new(model, new() { CacheType = type });
        float[][] scores = [.. (await Task.WhenAll(Read(exact.Submit(request)), Read(rounded.Submit(request))))
            .Select(text => text[0].Score!.Top.OrderBy(top => top.Id).Select(top => top.LogProbability).ToArray())];
        Assert.NotEqual(scores[0], scores[1]);
        Assert.InRange(scores[0].Zip(scores[1], (a, b) => Math.Abs(a - b)).Max(), 0, most);
    }

    [Fact]
    public async Task An_engine_that_is_stopped_ends_what_runs_and_waits()
    {
        using CausalLM model = TinyModel.Create();
        Task<GeneratedToken[]>[] texts;
        using (var engine = new InferenceEngine(model, new() { MaxBatchSize = 1 }))
        {
            texts = [.. Enumerable.Range(0, 3).Select(_ => Read(engine.Submit(Request([5], newTokens: 100_000))))];
        }
        foreach (Task<GeneratedToken[]> text in texts)
        {
            Assert.Contains("stopped", (await Assert.ThrowsAsync<SkipwiseException>(() => text)).Message, StringComparison.Ordinal);
        }
    }

    private static async Task<GeneratedToken[][]> Single(CausalLM model, int[] prompt)
    {
        using var engine = new InferenceEngine(model);
        return await All(engine, [Request(prompt)]);
    }

    private static GenerationRequest Request(int[] prompt, int newTokens = NewTokens, double temperature = 0) => new()
    {
        Prompt = prompt,
        Options = new() { MaxNewTokens = newTokens, Temperature = temperature, Seed = 3 },
        TopLogProbabilities = 2,
    };

    private static async Task<GeneratedToken[]> Read(Generation generation) => await generation.ReadTokens().ToArrayAsync();

    private static async Task<GeneratedToken[][]> All(InferenceEngine engine, IEnumerable<GenerationRequest> requests) =>
        await Task.WhenAll(requests.Select(request => engine.Submit(request)).ToArray().Select(Read));

    private static void AssertSame(IEnumerable<GeneratedToken[]> expected, IEnumerable<GeneratedToken[]> actual) =>
        Assert.Equal(expected.Select(Bits), actual.Select(Bits));

    private static string Bits(GeneratedToken[] text) => string.Join('\n', text.Select(token =>
        $"{token.Id} {BitConverter.SingleToInt32Bits(token.Score!.LogProbability):x} {token.Finish} " +
        string.Join(' ', token.Score.Top.Select(top => $"{top.Id}:{BitConverter.SingleToInt32Bits(top.LogProbability):x}"))));
}
