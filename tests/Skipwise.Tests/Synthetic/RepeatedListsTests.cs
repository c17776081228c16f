using System.Text.RegularExpressions;
using Skipwise.Synthetic;

namespace Skipwise.Tests.Synthetic;

public sealed class RepeatedListsTests
{
    [Fact]
    public void Copies_equal_their_list_and_no_list_has_duplicates()
    {
        int withCommas = 0, numbers = 0, lists = 0;
        for (ulong index = 0; index < 50; index++)
        {
            string text = SyntheticCorpus.Document(SyntheticKind.RepeatedLists, SyntheticPart.Train, 5, index, TextLength.Characters(2000));
            string current = "";
            foreach (string sentence in Regex.Split(text, @"(?<=\.) "))
            {
                Match match = Regex.Match(sentence, @"^(Lists|Again): ([\w, ]+)\.$");
                Assert.True(match.Success, sentence);
                string items = match.Groups[2].Value;
                if (match.Groups[1].Value == "Again")
                {
                    Assert.Equal(current, items);
                    continue;
                }
                current = items;
                bool isNumber = Regex.IsMatch(items, "^[0-9]{4,10}$");
                string[] words = isNumber ? [.. items.Select(digit => digit.ToString())] : Regex.Split(items, ", | ");
                Assert.Equal(words.Length, words.Distinct().Count());
                Assert.InRange(words.Length, 4, 24);
                lists++;
                withCommas += items.Contains(',') ? 1 : 0;
                numbers += isNumber ? 1 : 0;
            }
        }
        Assert.InRange((double)withCommas / lists, 0.04, 0.13);
        Assert.InRange((double)numbers / lists, 0.13, 0.27);
    }
}
