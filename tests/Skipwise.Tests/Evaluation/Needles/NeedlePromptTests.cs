using System.Text.RegularExpressions;
using CsCheck;
using Skipwise.Evaluation.Needles;
using Skipwise.Tests.Synthetic;
using Skipwise.Tests.Tokenizers.Training;

namespace Skipwise.Tests.Evaluation.Needles;

public sealed class NeedlePromptTests
{
    private const string Postfix =
        "</book>.\n Based on the content of the book, Question: What is the special magic Singapore number? Answer: The special magic " +
        "Singapore number is:";
    private static readonly NaiveBytePairTokenizer s_tokenizer = LearnedVocabulary.NewTokenizer();
    private static readonly string s_prose = Haystack.OwnProse(4000);

    private static Haystack NewHaystack(int length = 4000, string? text = null) => new(s_tokenizer, [text ?? s_prose], length);

    private static string Text(NeedlePrompt prompt)
    {
        Assert.Equal(s_tokenizer.BosId, prompt.InputIds[0]);
        return s_tokenizer.Decode(prompt.InputIds.AsSpan(1));
    }

    [Fact]
    public void The_book_is_easycontext_s_character_by_character()
    {
        NeedlePrompt prompt =
            Assert.Single(NeedlePrompt.Draw(s_tokenizer, NewHaystack(), 500, depth: 0.4, trial: 0, new NeedleOptions { Lengths = [500] }));
        Assert.Matches("^[1-9][0-9]{6}$", prompt.Answer);
        string text = Text(prompt), needle = $"\nThe special magic Singapore number is: {prompt.Answer}.\n";
        Assert.StartsWith("This is a very long story book: <book>", text);
        Assert.EndsWith(Postfix, text);
        string book = text["This is a very long story book: <book>".Length..^Postfix.Length];
        Assert.StartsWith(book.Replace(needle, "", StringComparison.Ordinal), s_prose);
        Assert.Equal(needle.Length, book.Length - book.Replace(needle, "", StringComparison.Ordinal).Length);
        Assert.Equal($" {prompt.Answer}", s_tokenizer.Decode(prompt.AnswerIds));
        Assert.Equal(500, prompt.InputIds.Length + prompt.AnswerIds.Length);
    }

    [Fact]
    public void Kamradt_s_frame_is_bare_and_leaves_room()
    {
        var options = new NeedleOptions { Lengths = [700], Variant = NeedleVariant.Kamradt };
        NeedlePrompt prompt = Assert.Single(NeedlePrompt.Draw(s_tokenizer, NewHaystack(), 700, depth: 0.5, trial: 0, options));
        string text = Text(prompt);
        const string needle = "\nThe best thing to do in San Francisco is eat a sandwich and sit in Dolores Park on a sunny day.\n";
        const string question =
            "\n\nQuestion: What is the best thing to do in San Francisco?\nAnswer: The best thing to do in San Francisco is";
        Assert.EndsWith(question, text);
        Assert.StartsWith(text.Replace(needle, "", StringComparison.Ordinal)[..^question.Length], s_prose);
        Assert.Equal(" eat a sandwich and sit in Dolores Park on a sunny day.", s_tokenizer.Decode(prompt.AnswerIds));
        Assert.Equal(700 - 200, prompt.InputIds.Length + prompt.AnswerIds.Length);
    }

    [Fact]
    public void A_needle_stands_after_the_last_full_stop_before_its_depth() =>
        Gen.Select(Gen.Int[0, 40], Gen.Int[300, 900]).Sample((step, length) =>
        {
            double depth = step / 40.0;
            Haystack haystack = NewHaystack();
            string text = Text(NeedlePrompt.Draw(s_tokenizer, haystack, length, depth, 0, new NeedleOptions { Lengths = [length] })[0]);
            string book =
                text[(text.IndexOf("<book>", StringComparison.Ordinal) + 6)..text.LastIndexOf("</book>", StringComparison.Ordinal)];
            int place = book.IndexOf("\nThe special magic", StringComparison.Ordinal);
            string before = book[..place], after = book[(book.IndexOf('\n', place + 1) + 1)..];
            int wanted = (int)(s_tokenizer.Encode(before + after).Length * depth), actual = s_tokenizer.Encode(before).Length;
            if (depth == 1)
            {
                Assert.Equal("", after);
                return;
            }
            Assert.InRange(actual, 0, wanted);
            Assert.True(before.Length == 0 || before.EndsWith('.'));
            string between = s_tokenizer.Decode(s_tokenizer.Encode(before + after).AsSpan(actual, wanted - actual));
            Assert.DoesNotContain(".", between); // it went back no further than it had to
        }, iter: 60, threads: 1);

    [Fact]
    public void A_haystack_without_full_stops_sends_the_needle_to_its_beginning()
    {
        Haystack haystack = NewHaystack(text: "one two three four five six");
        Assert.Equal(0, haystack.Place(haystack.Take(30), 0.5));
        Assert.Equal(30, haystack.Place(haystack.Take(30), 1));
        int[] once = s_tokenizer.Encode("one two three four five six");
        Assert.Equal([.. once, .. once, once[0]], haystack.Take(2 * once.Length + 1)); // repeated
    }

    [Fact]
    public void Several_needles_stand_at_even_steps_and_each_is_asked_for_in_the_same_book()
    {
        var options = new NeedleOptions
        {
            Lengths = [900],
            Needles =
            [
                new() { Text = "\nThe first key is {n}.\n", Question = "What is the first key?", AnswerPrefix = " It is", Answer = "{n}" },
                new() { Text = "\nNobody asks for this.\n" },
                new() { Text = "\nThe third key is a long word.\n", Question = "And the third?", Answer = "a long word" },
            ],
        };
        IReadOnlyList<NeedlePrompt> prompts = NeedlePrompt.Draw(s_tokenizer, NewHaystack(), 900, depth: 0.1, trial: 3, options);
        Assert.Equal([0, 2], prompts.Select(prompt => prompt.Needle));
        string[] books = [.. prompts.Select(prompt => Text(prompt).Split("</book>")[0])];
        Assert.Equal(books[0], books[1]);
        int[] places =
            [.. ((string[])["\nThe first key is " + prompts[0].Answer, "\nNobody asks", "\nThe third key"])
                .Select(needle => books[0].IndexOf(needle, StringComparison.Ordinal))];
        Assert.All(places.Zip([0.1, 0.4, 0.7]),
            place => Assert.InRange((double)place.First / books[0].Length, place.Second - 0.06, place.Second + 0.03));
        Assert.EndsWith("Question: What is the first key? Answer: It is", Text(prompts[0]));
        Assert.EndsWith("Question: And the third? Answer:", Text(prompts[1]));
        Assert.Equal(900, prompts.Max(prompt => prompt.InputIds.Length + prompt.AnswerIds.Length));
    }

    [Fact]
    public void Distractors_are_hidden_once_each_with_numbers_of_their_own()
    {
        var options = new NeedleOptions { Lengths = [900], Distractors = [.. Needle.Distractors.Take(4)] };
        NeedlePrompt prompt = NeedlePrompt.Draw(s_tokenizer, NewHaystack(), 900, 0.5, 0, options)[0];
        string text = Text(prompt);
        string[] numbers = [.. ((string[])["Singapore", "New York", "London", "Paris", "Tokyo"]).Select(city =>
            Assert.Single(
                System.Text.RegularExpressions.Regex.Matches(text,
                    $"\nThe special magic {city} number is: ([0-9]{{7}})\\.\n")).Groups[1].Value)];
        Assert.Equal(5, numbers.Distinct().Count());
        Assert.Equal(prompt.Answer, numbers[0]);
        Assert.DoesNotContain("Beijing", text);
        Assert.Equal(900, prompt.InputIds.Length + prompt.AnswerIds.Length);
    }

    [Fact]
    public void A_grid_repeats_with_its_seed_and_its_depths_begin_alike()
    {
        var options = new NeedleOptions { Lengths = [400], Depths = 5, Trials = 2, Seed = 3, Distractors = Needle.Distractors };
        IReadOnlyList<NeedlePrompt> all = NeedlePrompt.All(s_tokenizer, NewHaystack(), 400, options);
        Assert.Equal([0, 0, 0.25, 0.25, 0.5, 0.5, 0.75, 0.75, 1, 1], all.Select(prompt => prompt.Depth));
        Assert.Equal(all.Select(prompt => prompt.InputIds),
            NeedlePrompt.All(s_tokenizer, NewHaystack(), 400, options).Select(prompt => prompt.InputIds));
        Assert.Equal(all[0].Answer, all[8].Answer);
        Assert.NotEqual(all[0].Answer, all[1].Answer);
        Assert.NotEqual(all[0].Answer, NeedlePrompt.All(s_tokenizer, NewHaystack(), 400, options with { Seed = 4 })[0].Answer);
    }

    [Fact]
    public void One_token_of_haystack_is_enough()
    {
        IReadOnlyList<NeedlePrompt> Draw(int length) =>
            NeedlePrompt.Draw(s_tokenizer, NewHaystack(), length, 0, 0, new NeedleOptions { Lengths = [length] });
        string message = Assert.Throws<SkipwiseException>(() => Draw(60)).Message;
        int taken = int.Parse(Regex.Match(message, "take ([0-9]+) tokens").Groups[1].Value);
        Assert.Contains($"take {taken} tokens", Assert.Throws<SkipwiseException>(() => Draw(taken)).Message);
        NeedlePrompt prompt = Assert.Single(Draw(taken + 1));
        Assert.Equal(taken + 1, prompt.InputIds.Length + prompt.AnswerIds.Length);
    }

    [Fact]
    public void Impossible_settings_are_named()
    {
        Assert.Contains("too short",
            Assert.Throws<SkipwiseException>(() =>
                NeedlePrompt.Draw(s_tokenizer, NewHaystack(), 60, 0, 0, new NeedleOptions { Lengths = [60] })).Message);
        string message =
            Assert.Throws<SkipwiseException>(() =>
                new NeedleOptions { Lengths = [], Depths = 1, Trials = 0, Needles = [new() { Text = "x" }] }.Validate()).Message;
        Assert.All((string[])["no length", "NeedleOptions.Depths is 1", "NeedleOptions.Trials is 0", "no needle has a question"],
            problem => Assert.Contains(problem, message));
        Assert.Throws<SkipwiseException>(() => new Haystack(s_tokenizer, [""], 10));
    }
}
