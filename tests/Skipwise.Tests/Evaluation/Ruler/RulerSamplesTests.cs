using System.Text.RegularExpressions;
using Skipwise.Evaluation.Needles;
using Skipwise.Evaluation.Ruler;
using Skipwise.Tests.Synthetic;
using Skipwise.Tests.Tokenizers.Training;

namespace Skipwise.Tests.Evaluation.Ruler;

/// <summary>Every task's prompts against RULER's templates, and each task solved by reading its prompt.</summary>
public sealed class RulerSamplesTests
{
    private const string Noise = "The grass is green. The sky is blue. The sun is yellow. Here we go. There and back again.";
    private static readonly NaiveBytePairTokenizer s_tokenizer = LearnedVocabulary.NewTokenizer();
    private static readonly RulerData s_material = new(new Essays(Haystack.OwnProse(9000)), Set(1), Set(3));

    public static TheoryData<string, int> TasksAndLengths =>
        [.. RulerTask.All.SelectMany(task => (int[])[2048, 4096], (task, length) => (task.Name, length))];

    private static RulerTask Task(string name) => RulerTask.All.Single(task => task.Name == name);

    private static RulerPrompt Draw(string name, int length, int sample = 0, ulong seed = 42) =>
        new RulerSamples(Task(name), s_material, s_tokenizer, length, new RulerOptions { Lengths = [length], Seed = seed }).Draw(sample);

    /// <summary>Documents and questions of the shape of the public files.</summary>
    private static QaSet Set(int gold)
    {
        string[] documents =
            [.. Enumerable.Range(0, 200).Select(i => $"Title {i}\nThe number {i} lives here, and its friend is called friend{i}. {Noise}")];
        return new(documents, [.. Enumerable.Range(0, 20).Select(i => new QaQuestion($"Who is the friend of {i}?", [$"friend{i}", "nobody"],
            [.. Enumerable.Range(0, gold).Select(g => (i + g) % 200)], [100 + i, 101 + i, 102 + i]))]);
    }

    [Theory]
    [MemberData(nameof(TasksAndLengths))]
    public void Prompt_and_answer_fill_the_length(string name, int length)
    {
        var samples = new RulerSamples(Task(name), s_material, s_tokenizer, length, new RulerOptions { Lengths = [length], Samples = 4 });
        Assert.Equal(4, samples.Count);
        for (int i = 0; i < samples.Count; i++)
        {
            RulerPrompt prompt = samples.Draw(i);
            Assert.Equal([s_tokenizer.BosId!.Value, .. s_tokenizer.Encode(prompt.Text.Prompt)], prompt.InputIds);
            Assert.InRange(prompt.InputIds.Length + prompt.Task.NewTokens, 0.93 * length, length);
        }
    }

    [Theory]
    [MemberData(nameof(TasksAndLengths))]
    public void A_sample_is_a_function_of_its_seed_and_number(string name, int length)
    {
        RulerPrompt prompt = Draw(name, length, sample: 3);
        var few = new RulerSamples(Task(name), s_material, s_tokenizer, length, new RulerOptions { Lengths = [length], Samples = 4 });
        Assert.Equal(prompt.Text.Prompt, few.Draw(3).Text.Prompt);
        Assert.NotEqual(prompt.Text.Prompt, few.Draw(2).Text.Prompt);
        Assert.NotEqual(prompt.Text.Prompt, Draw(name, length, sample: 3, seed: 43).Text.Prompt);
    }

    /// <summary>The largest haystack is all that there is: the last document of a small file, too.</summary>
    [Theory]
    [InlineData("qa_1"), InlineData("qa_2")]
    public void A_length_that_holds_every_document_has_every_document(string name)
    {
        string[] documents = [.. Enumerable.Range(0, 6).Select(i => $"Title {i}\nThe number {i} lives here.")];
        var set = new QaSet(documents, [new QaQuestion("Who lives here?", ["number"], [2], [4])]);
        var samples = new RulerSamples(Task(name), s_material with { Squad = set, Hotpot = set }, s_tokenizer, 2048,
            new RulerOptions { Lengths = [2048] });
        string prompt = samples.Draw(0).Text.Prompt;
        Assert.All(documents, document => Assert.Contains(document, prompt));
        Assert.Contains("Document 6:", prompt);
        Assert.DoesNotContain("Document 7:", prompt);
    }

    [Fact]
    public void There_are_thirteen_tasks_with_the_paper_s_answer_lengths() => Assert.Equal(
        [("niah_single_1", 128), ("niah_single_2", 128), ("niah_single_3", 128), ("niah_multikey_1", 128), ("niah_multikey_2", 128),
            ("niah_multikey_3", 128),
            ("niah_multivalue", 128), ("niah_multiquery", 128), ("vt", 30), ("cwe", 120), ("fwe", 50), ("qa_1", 32), ("qa_2", 32)],
        RulerTask.All.Select(task => (task.Name, task.NewTokens)));

    [Theory]
    [InlineData("niah_single_1", "number", "", "[0-9]{7}", 1, 1)]
    [InlineData("niah_single_2", "number", "", "[0-9]{7}", 1, 1)]
    [InlineData("niah_single_3", "uuid", "", Uuid, 1, 1)]
    [InlineData("niah_multikey_1", "number", "", "[0-9]{7}", 4, 1)]
    [InlineData("niah_multikey_2", "number", "", "[0-9]{7}", 0, 1)]
    [InlineData("niah_multikey_3", "uuid", "", Uuid, 0, 1)]
    [InlineData("niah_multivalue", "number", "s", "[0-9]{7}", 4, 4)]
    [InlineData("niah_multiquery", "number", "s", "[0-9]{7}", 4, 4)]
    public void Needles_are_hidden_and_asked_for_in_ruler_s_words(string name, string type, string plural, string value, int needles,
        int answers)
    {
        string key = name == "niah_multikey_3"
            ? Uuid
            : "[a-z]+-[a-z]+", keys = name == "niah_multiquery"
            ? $"{key}, {key}, {key}, and {key}"
            : key;
        (string some, string are, string areAll) = plural == "s" ? ("Some", "are", "are all") : ("A", "is", "is");
        RulerText text = Draw(name, 2048).Text;
        Match match = Regex.Match(text.Prompt,
            $@"\A{some} special magic {type}{plural} {are} hidden within the following text\. Make sure to memorize it\. I will quiz you about the {type}{plural} afterwards\.\n(?<context>.*)\n" +
            $@"What {areAll} the special magic {type}{plural} for (?<query>{keys}) mentioned in the provided text\? The special magic {type}{plural} for \k<query> mentioned in the provided text {are}\z", RegexOptions.Singleline);
        Assert.True(match.Success, text.Prompt[..300] + " ... " + text.Prompt[^400..]);

        (string Key, string Value)[] hidden =
            [.. Regex.Matches(match.Groups["context"].Value, $@"One of the special magic {type}s for ({key}) is: ({value})\.")
                .Select(m => (m.Groups[1].Value, m.Groups[2].Value))];
        Assert.Equal(answers, text.References.Count);
        string[] queries = match.Groups["query"].Value.Replace("and ", "", StringComparison.Ordinal).Split(", ");
        Assert.Equal(hidden.Where(needle => queries.Contains(needle.Key)).Select(needle => needle.Value).Order(), text.References.Order());
        if (needles > 0)
        {
            Assert.Equal(needles, hidden.Length);
            string rest = Regex.Replace(match.Groups["context"].Value, $@"One of the special magic {type}s for {key} is: {value}\.\s?", "");
            Assert.True(name == "niah_single_1" ? rest.Split('\n').All(line => line is Noise or "") : Haystack.OwnProse(9000)
                .Contains(rest[..200], StringComparison.Ordinal));
        }
        else
        {
            Assert.Equal(match.Groups["context"].Value.Split('\n').Length, hidden.Length); // nothing but needles
            Assert.True(hidden.Length > 15);
        }
    }

    [Fact]
    public void Needles_stand_between_sentences_at_forty_depths()
    {
        var places = new HashSet<int>();
        for (int sample = 0; sample < 60; sample++)
        {
            string context = Draw("niah_single_2", 2048, sample).Text.Prompt.Split('\n')[1];
            int place = context.IndexOf("One of the special", StringComparison.Ordinal);
            // after a sentence that the length may cut
            bool isLast = context.LastIndexOf('.') == context.Length - 1
                && !context[(place + 20)..].Contains(". ", StringComparison.Ordinal);
            Assert.True(place == 0 || isLast || context[place - 2] is '.' or '?' or '!', context);
            places.Add((int)Math.Round(40.0 * place / context.Length));
        }
        Assert.InRange(places.Count, 20, 41);
        Assert.True(places.Min() <= 3 && places.Max() >= 37);
    }

    [Fact]
    public void A_chain_of_variables_can_be_followed()
    {
        RulerText text = Draw("vt", 2048, sample: 1).Text;
        Match match = Regex.Match(text.Prompt,
            @"\AMemorize and track the chain\(s\) of variable assignment hidden in the following text\.\n\n(?<example>.*?)\nQuestion: Find all variables that are assigned the value (?<v1>[0-9]{5}) in the text above\." +
            @" Answer: According to the chain\(s\) of variable assignment in the text above, 5 variables are assigned the value \k<v1>, they are:  (?<solved>[A-Z ]+)\n\n\n\n" +
            @"Memorize and track the chain\(s\) of variable assignment hidden in the following text\.\n\n(?<context>.*)\nQuestion: Find all variables that are assigned the value (?<v2>[0-9]{5}) in the text above\." +
            @" Answer: According to the chain\(s\) of variable assignment in the text above, 5 variables are assigned the value \k<v2>, they are: \z", RegexOptions.Singleline);
        Assert.True(match.Success, text.Prompt);
        Assert.Equal(match.Groups["solved"].Value.Split(' '), Solve(match.Groups["example"].Value, match.Groups["v1"].Value));
        Assert.All(match.Groups["solved"].Value.Split(' '), variable => Assert.Equal(3, variable.Length));
        Assert.Equal(text.References, Solve(match.Groups["context"].Value, match.Groups["v2"].Value));
        Assert.All(text.References, variable => Assert.Equal(5, variable.Length));

        static List<string> Solve(string context, string value)
        {
            var known = new List<string>();
            foreach (string line in context.Split('\n').Where(line => line != Noise))
            {
                Match first = Regex.Match(line, "^VAR ([A-Z]+) = ([0-9]+)$"), next = Regex.Match(line, "^VAR ([A-Z]+) = VAR ([A-Z]+) $");
                Assert.True(first.Success || next.Success, line);
                if (first.Success && first.Groups[2].Value == value || next.Success && known.Contains(next.Groups[2].Value))
                {
                    known.Add((first.Success ? first : next).Groups[1].Value);
                }
            }
            return known;
        }
    }

    [Theory]
    [InlineData(2048, 6, 1, 3, 1, 20)]
    [InlineData(4096, 6, 1, 3, 1, 20)] // this tokenizer takes ten tokens for a word: the full repeats do not fit yet
    [InlineData(8192, 30, 3, 10, 3, 40)]
    public void Common_words_are_the_ten_most_frequent_of_the_list(int length, int often, int seldom, int exampleOften, int exampleSeldom,
        int exampleWords)
    {
        const string head =
            "Below is a numbered list of words. In these words, some appear more often than others. Memorize the ones that appear most " +
            "often.\n";
        const string tail =
            "\nQuestion: What are the 10 most common words in the above list? Answer: The top 10 words that appear most often in the " +
            "list are:";
        RulerText text = Draw("cwe", length).Text;
        int second = text.Prompt.LastIndexOf(head, StringComparison.Ordinal);
        Assert.StartsWith(head, text.Prompt);
        Assert.EndsWith(tail, text.Prompt);
        string[] example = text.Prompt[head.Length..(second - 1)].Split(tail);
        (IReadOnlyList<string> common, int words) = Count(example[0], exampleOften, exampleSeldom);
        Assert.Equal(exampleWords, words);
        Assert.Equal(common, Listed(example[1]).Order());
        (IReadOnlyList<string> asked, _) = Count(text.Prompt[(second + head.Length)..^tail.Length], often, seldom);
        Assert.Equal(asked, text.References.Order());

        static (IReadOnlyList<string> Common, int Words) Count(string list, int often, int seldom)
        {
            ILookup<int, string> byCount = Listed(list).GroupBy(word => word).ToLookup(word => word.Count(), word => word.Key);
            Assert.Equal([seldom, often], byCount.Select(count => count.Key).Order());
            Assert.Equal(10, byCount[often].Count());
            return ([.. byCount[often].Order()], byCount.Sum(count => count.Count()));
        }

        static List<string> Listed(string list)
        {
            MatchCollection items = Regex.Matches(list, "([0-9]+)\\. ([a-z]+)( |$)");
            Assert.Equal(Enumerable.Range(1, items.Count).Select(i => $"{i}"), items.Select(item => item.Groups[1].Value));
            Assert.Equal(list.Length, items.Sum(item => item.Length));
            return [.. items.Select(item => item.Groups[2].Value)];
        }
    }

    [Fact]
    public void Frequent_words_are_the_ranks_after_the_dots()
    {
        const string head =
            "Read the following coded text and track the frequency of each coded word. Find the three most frequently appeared coded " +
            "words. ";
        const string tail =
            "\nQuestion: Do not provide any explanation. Please ignore the dots '....'. What are the three most frequently appeared " +
            "words in the above coded text? " +
            "Answer: According to the coded text above, the three most frequently appeared words are:";
        RulerText text = Draw("fwe", 4096).Text;
        Assert.StartsWith(head, text.Prompt);
        Assert.EndsWith(tail, text.Prompt);
        (string Word, int Count)[] counts =
            [.. text.Prompt[head.Length..^tail.Length].Split(' ').GroupBy(word => word).Select(word => (word.Key, word.Count()))
                .OrderByDescending(word => word.Item2)];
        Assert.Equal("...", counts[0].Word);
        Assert.Equal(text.References, counts[1..4].Select(word => word.Word));
        Assert.All(counts[1..], word => Assert.Matches("^[a-z]{6}$", word.Word));
        Assert.Equal(4.0, (double)counts[0].Count / counts[1].Count, 0.2); // 1 : 1/4 : 1/9
        Assert.Equal(9.0, (double)counts[0].Count / counts[2].Count, 0.5);
        Assert.True(counts[3].Count > counts[4].Count);
        // 1000 / (rank^2 pi^2 / 6), rounded down
        Assert.Equal([607, 151, 67, 37], Enumerable.Range(1, 4).Select(rank => FrequentWordsExtraction.Count(1000, rank)));
    }

    [Theory]
    [InlineData("qa_1", 1)]
    [InlineData("qa_2", 3)]
    public void Questions_stand_under_numbered_documents_with_the_right_ones_among_them(string name, int gold)
    {
        RulerText text = Draw(name, 2048, sample: 5).Text;
        const string rule = "Answer the question based on the given documents. Only give me the answer and do not output any other words.";
        string head = $"{rule}\n\nThe following are given documents.\n\n",
            tail = $"\n\n{rule}\n\nQuestion: Who is the friend of 5? Answer:";
        Assert.StartsWith(head, text.Prompt);
        Assert.EndsWith(tail, text.Prompt);
        string[] documents = text.Prompt[head.Length..^tail.Length].Split("\n\n");
        Assert.Equal(Enumerable.Range(1, documents.Length).Select(i => $"Document {i}:"),
            documents.Select(document => document.Split('\n')[0]));
        Assert.Equal(documents.Length, documents.Select(document => document.Split('\n')[1]).Distinct().Count());
        for (int i = 0; i < gold; i++)
        {
            Assert.Contains(documents, document => document.Contains($"friend{5 + i}.", StringComparison.Ordinal));
        }
        Assert.All((int[])[105, 106, 107],
            related => Assert.Contains(documents,
                document => document.StartsWith($"Title {related}\n", StringComparison.Ordinal)
                    || document.Contains($"\nTitle {related}\n", StringComparison.Ordinal)));
        Assert.Equal(["friend5", "nobody"], text.References);
    }

    [Fact]
    public void There_are_no_more_samples_than_questions() =>
        Assert.Equal(20, new RulerSamples(Task("qa_1"), s_material, s_tokenizer, 2048, new RulerOptions { Lengths = [2048] }).Count);

    [Fact]
    public void A_length_that_a_task_does_not_fit_is_named()
    {
        string message = Assert.Throws<SkipwiseException>(() => Draw("cwe", 512)).Message;
        Assert.Contains("length 512 is too short for cwe", message);
        Assert.Matches("at least [0-9]+ tokens", message);
    }

    /// <summary>Each length has texts of its own, so the least that one needs may be a few tokens more than another asked for.</summary>
    [Theory]
    [InlineData("niah_single_1"), InlineData("fwe")]
    public void What_a_length_lacks_is_more_than_it_has(string task)
    {
        int Least(int length) => int.Parse(Regex.Match(
            Assert.Throws<SkipwiseException>(() => Draw(task, length)).Message, "at least ([0-9]+) tokens").Groups[1].Value);
        int near = Least(10), refused = 0, full = 0;
        for (int length = near - 20; length < near + 20; length++)
        {
            try
            {
                RulerPrompt prompt = Draw(task, length);
                Assert.InRange(prompt.InputIds.Length + prompt.Task.NewTokens, 1, length);
                full += prompt.InputIds.Length + prompt.Task.NewTokens == length ? 1 : 0;
            }
            catch (SkipwiseException)
            {
                Assert.InRange(Least(length), length + 1, length + 100);
                refused++;
            }
        }
        Assert.InRange(refused, 1, 39);
        Assert.NotEqual(0, full);
    }

    [Fact]
    public void Sentences_end_where_a_reader_ends_them()
    {
        var essays = new Essays("Mr. Smith met J. Doe.  \"Really?\" he asked; it cost 3.5 coins.\nYes! (So it was.) And so on");
        Assert.Equal(
            ["Mr. Smith met J. Doe.", "\"Really?\" he asked; it cost 3.5 coins.", "Yes!", "(So it was.)", "And so on", "Mr. Smith"],
            essays.Sentences(21));
        Assert.Equal(["Mr. Smith met J. Doe.", "\"Really?\" he"], essays.Sentences(7));
        Assert.Throws<SkipwiseException>(() => new Essays(" \n"));
    }

    /// <summary>Essays are the user's: words of theirs that look like the template's places are text.</summary>
    [Fact]
    public void Braces_in_an_essay_stay_as_they_are()
    {
        const string sentence = "Write {query} of {type} into {context} here.";
        RulerData own = s_material with { Essays = new Essays(string.Concat(Enumerable.Repeat(sentence + " ", 100))) };
        var samples = new RulerSamples(Task("niah_single_2"), own, s_tokenizer, 2048, new RulerOptions { Lengths = [2048] });
        string prompt = samples.Draw(0).Text.Prompt;
        Assert.InRange(Regex.Count(prompt, Regex.Escape(sentence)), 20, 100);
        Assert.DoesNotContain("{query} mentioned", prompt, StringComparison.Ordinal);
    }

    [Fact]
    public void No_listed_word_is_a_part_of_another()
    {
        var words = RulerWords.Listed.ToHashSet();
        Assert.Equal(RulerWords.Listed.Count, words.Count);
        Assert.True(words.Count > 9000);
        int shortest = words.Min(word => word.Length);
        foreach (string word in words)
        {
            for (int length = shortest; length < word.Length; length++)
            {
                for (int start = 0; start + length <= word.Length; start++)
                {
                    Assert.False(words.Contains(word.Substring(start, length)), word);
                }
            }
        }
        Assert.Equal(RulerWords.Adjectives.Length, RulerWords.Adjectives.Distinct().Count());
        Assert.Equal(RulerWords.Nouns.Length, RulerWords.Nouns.Distinct().Count());
        Assert.All(RulerWords.Adjectives.Concat(RulerWords.Nouns).Concat(words), word => Assert.Matches("^[a-z]+$", word));
    }

    private const string Uuid = "[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}";
}
