using System.Text.RegularExpressions;
using Skipwise.Numerics;
using Skipwise.Synthetic;

namespace Skipwise.Tests.Synthetic;

public sealed class PasskeyTextTests
{
    [Fact]
    public void The_prompt_is_the_released_one_character_by_character()
    {
        const string expected =
            "There is an important info hidden inside a lot of irrelevant text. Find it and memorize them. I will quiz you about the " +
            "important information there.\n"
            + "The grass is green. The sky is blue. The sun is yellow. Here we go. There and back again."
            + "The grass is green. The sky is blue. The sun is yellow. Here we go. There and back again.\n"
            + "The pass key is 907. Remember it. 907 is the pass key.\n"
            + "The grass is green. The sky is blue. The sun is yellow. Here we go. There and back again.\n"
            + "What is the pass key? The pass key is";
        Assert.Equal(expected, PasskeyText.Prompt(907, 2, 1));
        Assert.Equal(" 907.", PasskeyText.Answer(907));
    }

    [Fact]
    public void Documents_hide_one_key_anywhere_and_stay_within_their_length()
    {
        var depths = new List<double>();
        int standard = 0;
        for (ulong index = 0; index < 400; index++)
        {
            string text = SyntheticCorpus.Document(SyntheticKind.Passkey, SyntheticPart.Train, 2, index, TextLength.Characters(2000));
            Assert.InRange(text.Length, 1850, 2000);
            string[] lines = text.Split('\n');
            Assert.Equal(5, lines.Length);
            Assert.Equal(PasskeyText.Introduction, lines[0]);
            int key = int.Parse(Regex.Match(lines[2], "[0-9]+").Value);
            Assert.InRange(key, 1, 50000);
            Assert.Equal($"The pass key is {key}. Remember it. {key} is the pass key.", lines[2]);
            Assert.Equal($"What is the pass key? The pass key is {key}.", lines[4]);
            Assert.DoesNotMatch("[0-9]", lines[1] + lines[3]);
            Assert.NotEqual(' ', (lines[1] + "x")[0]);
            standard += (lines[1] + lines[3]).Replace(PasskeyText.Unit, "").Length == 0 ? 1 : 0;
            depths.Add((double)lines[1].Length / (lines[1].Length + lines[3].Length));
        }
        Assert.InRange(standard, 160, 240);
        Assert.All(Enumerable.Range(0, 4), quarter =>
            Assert.InRange(depths.Count(depth => Math.Min((int)(depth * 4), 3) == quarter), 60, 150));
    }

    [Fact]
    public void A_length_without_room_for_garbage_gives_the_bare_prompt()
    {
        for (ulong seed = 0; seed < 20; seed++) // both kinds of garbage
        {
            var rng = new KeyedRandom(seed);
            string text = PasskeyText.Write(ref rng, TextLength.Characters(10));
            Assert.Matches(
                @"there\.\n\nThe pass key is (\d+)\. Remember it\. \1 is the pass key\.\n\nWhat is the pass key\? The pass key is \1\.$",
                text);
        }
    }
}
