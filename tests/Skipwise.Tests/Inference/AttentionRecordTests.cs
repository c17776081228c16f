using Skipwise.Inference;
using Skipwise.Kernels;
using Skipwise.Models;
using Skipwise.Models.Lora;
using Skipwise.Rope;
using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Tests.Inference;

/// <summary>What a decode step tells of its attention, against libtorch's softmax over the same keys.</summary>
public sealed class AttentionRecordTests
{
    private static readonly int[] s_lengths = [1, 255, 17, 700, 256];

    private static readonly Dictionary<string, Func<DecoderConfig, DecoderConfig>> s_models = new()
    {
        ["Llama"] = config => config,
        ["eight queries of a key"] = config => config with { NumAttentionHeads = 8, NumKeyValueHeads = 1, HeadDim = 64 },
        ["a window of 300"] = config => config with { SlidingWindow = 300 },
    };

    /// <summary>Every token of enough attention is told, and no other. Two bits of rounding in a key of 16 bits move its score.</summary>
    [Theory]
    [InlineData("Llama", ScalarType.Float32, 1, 1e-5), InlineData("Llama", ScalarType.Float32, 3, 1e-5)]
    [InlineData("eight queries of a key", ScalarType.Float32, 3, 1e-5), InlineData("a window of 300", ScalarType.Float32, 2, 1e-5)]
    [InlineData("Llama", ScalarType.Float16, 2, 1e-3), InlineData("a window of 300", ScalarType.BFloat16, 1, 1e-2)]
    public void A_batch_s_attention_is_that_of_libtorch(string name, ScalarType pages, int threads, double tolerance)
    {
        using CausalLM model = TinyModel.Create(change: config => s_models[name](config with { MaxPositionEmbeddings = 1024 }));
        DecoderConfig config = model.Config;
        KvPageLayout layout = new(config, pages);
        using PagedTexts texts = new(model, layout, s_lengths, steps: 1);
        DecodeRow[] rows = texts.Rows(TinyModel.Tokens(9, s_lengths.Length));
        var kernels = new RecordingKernels();
        var expected = new List<float[][]>(); // of each text: [L H] rows of probabilities
        using (KernelSet.Use(kernels))
        using (PagedCache cache = new(model))
        using (TorchDecodeStep reference = new(model, cache))
        {
            foreach (DecodeRow row in rows)
            {
                kernels.Heads.Clear();
                reference.Run([row]);
                expected.Add([.. kernels.Heads]);
            }
        }
        AttentionRecord[] records =
            [.. rows.Select(_ => new AttentionRecord(config.NumHiddenLayers, config.NumAttentionHeads))];
        rows = [.. rows.Zip(records, (row, record) => row with { Attention = record })];
        for (int i = 0; i < records.Length; i++)
        {
            records[i].Begin(s_lengths[i] + 1);
        }
        using CpuDecoder decoder = CpuDecoder.TryCreate(model, layout, threads)!;
        decoder.Step(rows, new float[rows.Length * config.VocabSize]);

        int told = 0, beyondAPage = 0;
        for (int text = 0; text < records.Length; text++)
        {
            for (int head = 0; head < expected[text].Length; head++)
            {
                float[] own = expected[text][head]; // of the last tokens, in a window
                int before = s_lengths[text] + 1 - own.Length;
                Assert.Equal(1, own.Sum(), 1e-4);
                Dictionary<int, float> attended = records[text].Attended(head / config.NumAttentionHeads, head % config.NumAttentionHeads)
                    .ToDictionary(at => at.Position - before, at => at.Attention);
                Assert.All(attended, at => Assert.InRange(Math.Abs(at.Value - own[at.Key]), 0, tolerance));
                Assert.All(own.Index().Where(at => at.Item >= AttentionRecord.Least + tolerance),
                    at => Assert.True(attended.ContainsKey(at.Index)));
                told += attended.Count;
                beyondAPage += attended.Keys.Count(at => at + before >= KvPageLayout.PageTokens);
            }
        }
        Assert.InRange(told, 50, 100_000);
        Assert.InRange(beyondAPage, 10, told - 10);
    }

    /// <summary>Alone, together, after others with the same beginning, and computed again after giving up its pages.</summary>
    [Theory]
    [InlineData(RopeType.Default, 128), InlineData(RopeType.DynamicNtk, 250), InlineData(RopeType.LongRope, 260)]
    public async Task A_text_s_sources_do_not_depend_on_the_others(RopeType type, int original)
    {
        using CausalLM model = TinyModel.Create(rope: TinyModel.Rope(type, original));
        int[][] prompts = [.. ((int[])[5, 250, 256, 1, 257, 300]).Select((length, i) => TinyModel.Tokens((ulong)i + 1, length))];
        GenerationRequest[] requests = [.. prompts.Select(prompt => new GenerationRequest
        {
            Prompt = prompt,
            Options = new() { MaxNewTokens = 20, Temperature = 1, Seed = 3 },
            FindsSources = true,
        })];
        var alone = new List<GeneratedToken[]>();
        foreach (GenerationRequest request in requests)
        {
            using var single = new InferenceEngine(model);
            alone.AddRange(await All(single, [request]));
        }
        using var engine = new InferenceEngine(model);
        Assert.True(engine.CanFindSources);
        AssertSame(alone, await All(engine, requests));
        AssertSame(alone, await All(engine, requests));
        long page = new KvPageLayout(model.Config, model.Dtype).PageBytes;
        using var small = new InferenceEngine(model, new() { CacheBytes = 3 * page });
        AssertSame(alone, await All(small, requests));
        Assert.InRange(small.Statistics.Preemptions, 1, 10_000);
        for (int i = 0; i < prompts.Length; i++)
        {
            Assert.All(alone[i], token => Assert.All(token.Sources, source => Assert.Equal(token.Id, prompts[i][source.Position])));
            Assert.All(alone[i], token => Assert.InRange(token.Sources.Sum(source => source.Attention), 0, 1.0001));
        }
        Assert.Contains(alone, text => text[0].Sources.Count > 0); // also those of the first token
        GeneratedToken[][] without = await All(engine, requests.Select(request => request with { FindsSources = false }));
        Assert.Equal(alone.Select(Ids), without.Select(Ids));
        Assert.All(without.SelectMany(text => text), token => Assert.Empty(token.Sources));
    }

    /// <summary>Equal prompts in one batch read each other's pages; here one has none left to read itself.</summary>
    [Fact]
    public async Task A_text_may_find_all_that_it_has_to_read_read_by_another()
    {
        using CausalLM model = TinyModel.Create();
        var request = new GenerationRequest
        {
            Prompt = TinyModel.Tokens(1, (2 * KvPageLayout.PageTokens) + 1),
            Options = new() { MaxNewTokens = 4 },
            FindsSources = true,
        };
        using var single = new InferenceEngine(model);
        GeneratedToken[][] alone = await All(single, [request]);
        using var engine = new InferenceEngine(model);
        AssertSame([alone[0], alone[0], alone[0]], await All(engine, [request, request, request]));
    }

    [Fact]
    public void A_model_that_libtorch_decodes_has_no_sources()
    {
        using CausalLM model = TinyModel.Create(change: config => config with { HiddenSize = 24 });
        LoraInjector.Projections(model).First().Projection.Quantize(4); // rows that the decoder's vectors do not divide
        using var engine = new InferenceEngine(model);
        Assert.False(engine.CanFindSources);
        Assert.Contains("only decoding on the CPU tells what a token attends to",
            Assert.Throws<SkipwiseException>(() => engine.Submit(new() { Prompt = [5], FindsSources = true })).Message,
            StringComparison.Ordinal);
    }

    private static int[] Ids(GeneratedToken[] text) => [.. text.Select(token => token.Id)];

    private static async Task<GeneratedToken[][]> All(InferenceEngine engine, IEnumerable<GenerationRequest> requests) =>
        await Task.WhenAll(requests.Select(request => engine.Submit(request)).ToArray()
            .Select(async generation => await generation.ReadTokens().ToArrayAsync()));

    private static void AssertSame(IEnumerable<GeneratedToken[]> expected, IEnumerable<GeneratedToken[]> actual)
    {
        static string[] Bits(GeneratedToken[] text) => [.. text.Select(token => string.Join(' ',
            [$"{token.Id}", .. token.Sources.Select(source => $"{source.Position}:{BitConverter.SingleToInt32Bits(source.Attention)}")]))];
        Assert.Equal(expected.Select(Bits), actual.Select(Bits));
    }

    /// <summary>libtorch's operations, which keep the attention of each head of each layer.</summary>
    private sealed class RecordingKernels : ReferenceKernels
    {
        public List<float[]> Heads { get; } = [];

        public override AttentionPlan PlanAttention(
            int queries, int cached, int? window, int[] documents, ScalarType dtype, Device device) =>
            new Recording(base.PlanAttention(queries, cached, window, documents, dtype, device), window, Heads);

        private sealed class Recording(AttentionPlan plan, int? window, List<float[]> heads) : AttentionPlan
        {
            public override Tensor Attend(Tensor query, Tensor key, Tensor value)
            {
                using (NewDisposeScope())
                {
                    (long count, long groups, long tokens) = (query.size(2), query.size(2) / key.size(2), key.size(1));
                    long seen = Math.Min(tokens, window ?? tokens);
                    for (int head = 0; head < count; head++)
                    {
                        Tensor keys = key[0, .., head / groups].narrow(0, tokens - seen, seen).to(ScalarType.Float64); // [S, D]
                        Tensor scores = keys.mv(query[0, 0, head].to(ScalarType.Float64)) / Math.Sqrt(query.size(3));
                        heads.Add([.. scores.softmax(0).to(ScalarType.Float32).data<float>()]);
                    }
                }
                return plan.Attend(query, key, value);
            }
        }
    }
}
