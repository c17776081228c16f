using CsCheck;
using Skipwise.Inference;
using Skipwise.Models;
using Skipwise.Rope;
using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Tests.Inference;

public sealed class PrefixCacheTests
{
    /// <summary>Prompts of one length that part from a common text at different places.</summary>
    private static int[][] Family(ulong seed, int length, params int[] partings)
    {
        int[] prefix = TinyModel.Tokens(seed, length);
        return [.. partings.Select((parting, i) =>
            (int[])[.. prefix[..parting], .. TinyModel.Tokens(seed + 100 + (ulong)i, length - parting)])];
    }

    [Fact]
    public void Shared_beginnings_give_the_states_keys_and_answers_of_separate_prefills() =>
        Gen.Select(Gen.Int[2, 60], Gen.Int[0, 60].Array[1, 6], Gen.Int[1, 40], Gen.Bool, Gen.UInt)
        .Sample((length, partings, chunk, isTogether, seed) =>
        {
            using CausalLM model = TinyModel.Create(initializerRange: 0.5);
            int[][] prompts = Family(seed, length, [.. partings.Select(parting => Math.Min(parting, length))]);
            using var scope = NewDisposeScope();
            using var prefixes = new PrefixCache(model, isTogether ? 1000 : 0);
            (IKvCache cache, Tensor shared) = prefixes.Fill(prompts, length, chunk);
            Assert.Equal(length, cache.Length);
            Tensor naive = empty_like(shared);
            for (int row = 0; row < prompts.Length; row++)
            {
                int own = row;
                using var alone = new KvCache(model.Config, 1, length, model.Dtype, model.Device);
                Prefill.Run(model, tensor(prompts[row].Select(id => (long)id).ToArray()).unsqueeze(0), Prefill.Positions(0, length, CPU),
                    alone, length, length,
                    (_, hidden) => naive[own].copy_(hidden[0, -1]));
            }
            Assert.True(allclose(naive, shared, rtol: 0, atol: 1e-4), $"{(naive - shared).abs().max().item<float>()}");

            var options = new GenerationOptions { MaxNewTokens = 6, PrefillChunk = chunk };
            Assert.Equal([.. prompts.Select(prompt => TextGenerator.Generate(model, prompt, options))],
                TextGenerator.Generate(model, prompts, options, prefixes: prefixes));
        }, iter: 40, threads: 1);

    [Fact]
    public void Every_node_of_the_prompts_tree_is_read_once_in_whatever_order_they_come()
    {
        using CausalLM model = TinyModel.Create();
        int[][] prompts = Family(3, 50, 40, 10, 30, 20, 10);
        // 50 tokens of one, and of each other what follows its parting from those before it
        int tree = 50 + (50 - 30) + (50 - 20) + (50 - 10) + (50 - 10);
        using var prefixes = new PrefixCache(model, together: 50);
        using Tensor states = prefixes.Fill(prompts, 50).Last;
        Assert.InRange(prefixes.TokensProcessed, tree - 4, tree); // a parting may by chance come a token later
        long before = prefixes.TokensProcessed;
        using Tensor same = prefixes.Fill([[.. prompts.Order(TokenSequenceComparer.Instance).Last()]], 50).Last;
        Assert.Equal(1, prefixes.TokensProcessed - before); // the last prompt again: only its last token, whose state was not kept
    }

    [Fact]
    public void A_rotation_that_depends_on_the_length_is_not_shared_between_lengths()
    {
        using CausalLM model =
            TinyModel.Create(rope: new RopeOptions { Type = RopeType.DynamicNtk, Factor = 4, OriginalMaxPositionEmbeddings = 16 });
        int[] shorter = TinyModel.Tokens(1, 30), longer = [.. shorter, .. TinyModel.Tokens(2, 20)];
        var options = new GenerationOptions { MaxNewTokens = 8 };
        using var prefixes = new PrefixCache(model);
        Assert.Equal(TextGenerator.Generate(model, shorter, options),
            TextGenerator.Generate(model, [shorter], options, prefixes: prefixes)[0]);
        Assert.Equal(TextGenerator.Generate(model, longer, options),
            TextGenerator.Generate(model, [longer], options, prefixes: prefixes)[0]);
        // beyond the original window every length has a rotation of its own: 30 tokens are read, then 31, ... 37; and 50, ... 57
        Assert.Equal(Enumerable.Range(30, 8).Sum() + Enumerable.Range(50, 8).Sum(), prefixes.TokensProcessed);
    }

    /// <summary>With two lists, what is read before the window's end is shared there, and read again once it is crossed.</summary>
    [Fact]
    public void Lengths_that_are_rotated_alike_share()
    {
        using CausalLM model = TinyModel.Create(rope: TinyModel.Rope(RopeType.LongRope, original: 16));
        int[] prompt = TinyModel.Tokens(1, 10);
        using var prefixes = new PrefixCache(model);
        long Read(int[] text, int count)
        {
            long before = prefixes.TokensProcessed;
            var options = new GenerationOptions { MaxNewTokens = count };
            Assert.Equal(TextGenerator.Generate(model, text, options),
                TextGenerator.Generate(model, [text], options, prefixes: prefixes)[0]);
            return prefixes.TokensProcessed - before;
        }
        Assert.Equal(10, Read(prompt, 7)); // the last token is chosen after 16
        Assert.Equal(1 + 4, Read([.. prompt, .. TinyModel.Tokens(2, 4)], 1) + 1);
        Assert.Equal(1 + 17, Read(prompt, 12)); // one more than the window: all of it again
        Assert.Equal(20, Read(TinyModel.Tokens(3, 20), 5));
    }

    [Fact]
    public void What_is_shared_stays_when_longer_prompts_need_more_room()
    {
        using CausalLM model = TinyModel.Create();
        int[][] prompts = [.. Enumerable.Range(0, 6).Select(i => TinyModel.Tokens(1, 20 + 9 * i))]; // each begins with the one before it
        var options = new GenerationOptions { MaxNewTokens = 5 };
        using var prefixes = new PrefixCache(model);
        foreach (int[] prompt in prompts)
        {
            Assert.Equal(TextGenerator.Generate(model, prompt, options),
                TextGenerator.Generate(model, [prompt], options, prefixes: prefixes)[0]);
        }
        Assert.Equal(20 + 5 * 9, prefixes.TokensProcessed);
    }

    [Fact]
    public void A_cancelled_prompt_leaves_nothing_that_a_later_one_would_share()
    {
        using CausalLM model = TinyModel.Create();
        int[] prompt = TinyModel.Tokens(1, 40);
        using var prefixes = new PrefixCache(model);
        using var stop = new CancellationTokenSource();
        stop.Cancel();
        var options = new GenerationOptions { MaxNewTokens = 4, PrefillChunk = 8 };
        Assert.ThrowsAny<OperationCanceledException>(() =>
            TextGenerator.Generate(model, [prompt], options, prefixes: prefixes, cancel: stop.Token));
        Assert.Equal(TextGenerator.Generate(model, prompt, options),
            TextGenerator.Generate(model, [prompt], options, prefixes: prefixes)[0]);
    }

    /// <summary>The second prompt overwrites the first one's keys from their parting on, and fails before its own end.</summary>
    [Theory]
    [InlineData(false), InlineData(true)]
    public void What_a_reading_left_half_way_is_shared_with_no_later_prompt(bool sameAgain)
    {
        using CausalLM model = TinyModel.Create();
        int[] first = TinyModel.Tokens(1, 28), second = [.. first[..10], .. TinyModel.Tokens(2, 30)];
        using var prefixes = new PrefixCache(model);
        prefixes.Fill([first], 28, chunk: 8).Last.Dispose();
        Assert.Throws<InvalidOperationException>(() => prefixes.Fill([second], 28, chunk: 8)); // its end exceeds the cache's capacity
        int[] next = sameAgain ? second : first;
        using var fresh = new PrefixCache(model);
        using Tensor expected = fresh.Fill([next], next.Length, chunk: 8).Last, found = prefixes.Fill([next], next.Length, chunk: 8).Last;
        Assert.True(allclose(expected, found, rtol: 0, atol: 1e-6));
    }

    [Fact]
    public void Reading_leaves_no_tensors_behind()
    {
        using CausalLM model = TinyModel.Create();
        using var prefixes = new PrefixCache(model);
        long Live()
        {
            TextGenerator.Generate(model, Family(1, 30, 10, 20), new GenerationOptions { MaxNewTokens = 3, PrefillChunk = 8 },
                prefixes: prefixes);
            return DisposeScopeManager.Statistics.ThreadTotalLiveCount;
        }
        Live();
        Assert.Equal(Live(), Live());
    }
}
