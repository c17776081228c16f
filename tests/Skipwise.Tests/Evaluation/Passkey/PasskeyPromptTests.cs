using CsCheck;
using Skipwise.Evaluation.Passkey;

namespace Skipwise.Tests.Evaluation.Passkey;

public sealed class PasskeyPromptTests
{
    [Fact]
    public void The_prompt_is_the_original_s_character_by_character()
    {
        var tokenizer = new WordTokenizer(piece: 20, addsBos: true);
        // one unit is 24 words and marks, and the rest of the prompt 63 tokens with BOS: 170 tokens hold four units and the answer
        PasskeyPrompt prompt = PasskeyPrompt.Compose(tokenizer, length: 170, depth: 0.5, key: 407, maxNewTokens: 10);
        const string unit = "The grass is green. The sky is blue. The sun is yellow. Here we go. There and back again.";
        string expected =
            "There is an important info hidden inside a lot of irrelevant text. Find it and memorize them. I will quiz you about the " +
            "important information there.\n" +
            unit + unit + "\nThe pass key is 407. Remember it. 407 is the pass key.\n" + unit + unit +
            "\nWhat is the pass key? The pass key is";
        Assert.Equal(expected, prompt.Text);
        Assert.Equal([0, .. tokenizer.Encode(expected)], prompt.InputIds);
    }

    [Fact]
    public void The_landmark_variant_joins_units_by_spaces_and_cuts_them_after_any_character()
    {
        var tokenizer = new WordTokenizer(piece: 20, addsBos: true);
        PasskeyPrompt prompt =
            PasskeyPrompt.Compose(tokenizer, length: 170, depth: 0.3, key: 407, maxNewTokens: 10, PasskeyVariant.Landmark);
        string[] lines = prompt.Text.Split('\n');
        Assert.Equal(5, lines.Length);
        Assert.Equal(
            "There is an important info hidden inside a lot of irrelevant text. Find it and memorize them. I will quiz you about the " +
            "important information there.", lines[0]);
        Assert.Equal("The pass key is 407. Remember it. 407 is the pass key.", lines[2]);
        Assert.Equal("What is the pass key? The pass key is", lines[4]);
        const string unit = "The grass is green. The sky is blue. The sun is yellow. Here we go. There and back again.",
            garbage = unit + " " + unit + " " + unit + " " + unit + " " + unit;
        Assert.Equal(garbage[..lines[1].Length], lines[1]);
        Assert.Equal(garbage[..lines[3].Length], lines[3]);
        Assert.InRange(lines[1].Length, 0.3 * (lines[1].Length + lines[3].Length) - 1, 0.3 * (lines[1].Length + lines[3].Length) + 1);
        Assert.NotEqual(0, lines[1].Length % (unit.Length + 1));
        Assert.Equal(160, prompt.InputIds.Length); // filled to the last token
    }

    [Fact]
    public void A_landmark_prompt_fills_its_length_with_any_tokenizer() =>
        Gen.Select(Gen.Int[300, 1500], Gen.Double[0, 1], Gen.Int[1, 9]).Sample((length, depth, piece) =>
        {
            PasskeyPrompt prompt =
                PasskeyPrompt.Compose(new WordTokenizer(piece, addsBos: true), length, depth, key: 31415, maxNewTokens: 10,
                    PasskeyVariant.Landmark);
            Assert.InRange(prompt.InputIds.Length, length - 10 - 2, length - 10);
        }, iter: 60);

    [Fact]
    public void A_grid_asks_every_depth_at_every_length_equally_often()
    {
        var options = new PasskeyOptions { Lengths = [256, 512], Trials = 3, Grid = 5 };
        ILookup<(int, double), PasskeyPrompt> cells = PasskeyPrompt.All(new WordTokenizer(6, true), options)
            .ToLookup(prompt => (prompt.Length, prompt.Depth));
        Assert.Equal(options.Lengths.SelectMany(length => (double[])[0, 0.25, 0.5, 0.75, 1], (length, depth) => (length, depth)),
            cells.Select(cell => cell.Key));
        Assert.All(cells, cell => Assert.Equal(3, cell.Count()));
        Assert.Equal("", cells[(256, 0.0)].First().Text.Split('\n')[1]);
        Assert.Equal("", cells[(256, 1.0)].First().Text.Split('\n')[3]);
        Assert.Contains("PasskeyOptions.Grid is 1", Assert.Throws<SkipwiseException>(() => (options with { Grid = 1 }).Validate()).Message);
    }

    [Fact]
    public void Options_without_a_length_are_refused() =>
        Assert.Contains("no length is given", Assert.Throws<SkipwiseException>(new PasskeyOptions { Lengths = [] }.Validate).Message);

    [Fact]
    public void Prompt_and_answer_fill_the_length_to_less_than_a_unit_with_any_tokenizer() =>
        Gen.Select(Gen.Int[300, 3000], Gen.Double[0, 1], Gen.Int[1, 50000], Gen.Int[1, 9], Gen.Bool)
        .Sample((length, depth, key, piece, addsBos) =>
        {
            var tokenizer = new WordTokenizer(piece, addsBos);
            PasskeyPrompt prompt = PasskeyPrompt.Compose(tokenizer, length, depth, key, maxNewTokens: 10);
            int unit = tokenizer.Encode("The grass is green. The sky is blue. The sun is yellow. Here we go. There and back again.").Length;
            Assert.InRange(prompt.InputIds.Length + 10, length - unit + 1, length);
        }, iter: 300);

    [Fact]
    public void The_key_stands_where_the_depth_says() =>
        Gen.Select(Gen.Int[400, 3000], Gen.Double[0, 1]).Sample((length, depth) =>
        {
            string[] lines = PasskeyPrompt.Compose(new WordTokenizer(5, true), length, depth, 12345, 10).Text.Split('\n');
            int before = lines[1].Split("again.").Length - 1, units = before + lines[3].Split("again.").Length - 1;
            Assert.InRange(before, depth * units - 1, depth * units + 1);
            Assert.Contains("12345", lines[2]);
        }, iter: 200);

    [Fact]
    public void Random_depths_put_every_number_of_units_before_the_key_equally_often()
    {
        var options = new PasskeyOptions { Lengths = [200], Trials = 600, Depths = PasskeyDepths.Random };
        IReadOnlyList<PasskeyPrompt> prompts = PasskeyPrompt.All(new WordTokenizer(20, true), options);
        // 200 tokens hold four or five units here, by the digits of the key; take the most frequent case
        IEnumerable<IGrouping<int, int>> byUnits = prompts.Select(prompt => prompt.Text.Split('\n'))
            .Select(lines => (Before: lines[1].Split("again.").Length - 1, After: lines[3].Split("again.").Length - 1))
            .GroupBy(split => split.Before + split.After, split => split.Before);
        IGrouping<int, int> usual = byUnits.MaxBy(group => group.Count())!;
        double expected = (double)usual.Count() / (usual.Key + 1);
        for (int before = 0; before <= usual.Key; before++)
        {
            Assert.InRange(usual.Count(b => b == before), expected - 5 * Math.Sqrt(expected), expected + 5 * Math.Sqrt(expected));
        }
    }

    [Fact]
    public void A_grid_covers_lengths_and_depths_and_repeats_with_its_seed()
    {
        var options = new PasskeyOptions { Lengths = [256, 512], Trials = 20, Seed = 4 };
        var tokenizer = new WordTokenizer(6, true);
        IReadOnlyList<PasskeyPrompt> prompts = PasskeyPrompt.All(tokenizer, options);
        Assert.Equal(40, prompts.Count);
        Assert.Equal(Enumerable.Range(0, 20).Select(i => (i + 0.5) / 20), prompts.Take(20).Select(prompt => prompt.Depth));
        Assert.All(prompts, prompt => Assert.InRange(prompt.Key, 1, 50000));
        Assert.Equal(prompts.Select(prompt => prompt.Text), PasskeyPrompt.All(tokenizer, options).Select(prompt => prompt.Text));
        // A trial does not depend on the others that are asked for.
        Assert.Equal(prompts[25].Text, PasskeyPrompt.All(tokenizer, options with { Lengths = [512] })[5].Text);
        Assert.NotEqual(prompts[0].Key, PasskeyPrompt.All(tokenizer, options with { Seed = 5 })[0].Key);
    }

    [Theory]
    [InlineData(PasskeyDepths.Stratified), InlineData(PasskeyDepths.Random)]
    public void Keys_can_be_kept_to_the_first_part(PasskeyDepths depths)
    {
        var options = new PasskeyOptions { Lengths = [1000], Trials = 40, Depths = depths, MaxDepth = 0.5 };
        double[] drawn = [.. PasskeyPrompt.All(new WordTokenizer(6, true), options).Select(prompt => prompt.Depth)];
        Assert.InRange(drawn.Max(), 0.4, 0.5);
        Assert.InRange(drawn.Min(), 0, 0.1);
        Assert.Contains("PasskeyOptions.MaxDepth",
            Assert.Throws<SkipwiseException>(() => (options with { MaxDepth = 1.5 }).Validate()).Message);
    }

    [Fact]
    public void A_length_without_room_for_the_prompt_is_an_error_that_says_how_much_it_takes()
    {
        var tokenizer = new WordTokenizer(20, true);
        int bare = PasskeyPrompt.Compose(tokenizer, 90, 0, 12345, 10).InputIds.Length;
        string message = Assert.Throws<SkipwiseException>(() => PasskeyPrompt.Compose(tokenizer, 60, 0, 12345, 10)).Message;
        Assert.Contains($"takes {bare} tokens", message);
        Assert.Throws<SkipwiseException>(() => PasskeyPrompt.Compose(tokenizer, bare + 9, 0, 12345, 10));
        Assert.Equal(bare, PasskeyPrompt.Compose(tokenizer, bare + 10, 0, 12345, 10).InputIds.Length);
    }

    [Theory]
    [InlineData(" 407. Remember", 407L)]
    [InlineData("the key 00407", 407L)]
    [InlineData("4 07", 4L)]
    [InlineData("no number", null)]
    [InlineData("99999999999999999999999", null)]
    public void The_first_number_of_an_answer_is_the_key(string answer, long? expected) =>
        Assert.Equal(expected, PasskeyPrompt.ReadKey(answer));
}
